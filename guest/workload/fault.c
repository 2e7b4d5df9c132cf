/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fault: the kernel breaks on purpose, in the way that the option fault= names. For testing the reports.
 */
#include "workload/workload.h"

#include "arch/cpu.h"
#include "boot/boot_info.h"
#include "panic.h"
#include "workload/fault_tables.h"

/* In the lower half, far from the identity map of the first 4 GiB: nothing is mapped there. */
#define UNMAPPED_ADDRESS 0x00006eadbeef0000

static void page_fault(struct worker *worker)
{
	(void)worker;
	*(volatile uint8_t *)UNMAPPED_ADDRESS = 1;
}

static void opcode(struct worker *worker)
{
	(void)worker;
	__asm__ volatile("ud2");
}

static void breakpoint(struct worker *worker)
{
	(void)worker;
	__asm__ volatile("int3");
}

static void end_in_panic(struct worker *worker)
{
	panic("asked to panic on cpu %u", worker->cpu);
}

static void fail_check(struct worker *worker)
{
	worker_check(worker, false, "asked to fail", (frame_t){pfn_to_meta(pfn(0))});
}

static void hang(struct worker *worker)
{
	(void)worker;
	for (;;)
		cpu_relax();
}

/* How many frames become unreachable, in use or free. */
#define GONE_FRAMES 32

struct forgotten_meta {
	uint64_t number;
};
META_TYPE(forgotten);

static void leak(struct worker *worker)
{
	for (uint64_t i = 0; i < GONE_FRAMES; i++) {
		struct forgotten_meta meta = {.number = i};

		worker_alloc(worker, forgotten, &meta);
	}
}

static void lose(struct worker *worker)
{
	pfn_t first;

	worker_check(worker, frame_alloc_take(GONE_FRAMES, 1, &first), "no frames to lose",
		     FRAME_NONE);
}

/* A slot in use whose vtable pointer names no type. */
static void scribble(struct worker *worker)
{
	static frame_t scribbled;
	struct forgotten_meta meta = {0};

	scribbled = worker_alloc(worker, forgotten, &meta);
	worker_check(worker, scribbled.slot, "no frame to scribble on", FRAME_NONE);
	if (scribbled.slot)
		slot_word_store(&scribbled.slot->vtable_ptr, UNMAPPED_ADDRESS);
}

static void double_put(struct worker *worker)
{
	struct forgotten_meta meta = {0};
	frame_t frame = worker_alloc(worker, forgotten, &meta);

	worker_check(worker, frame.slot, "no frame to put", FRAME_NONE);
	if (!frame.slot)
		return;
	worker_put(worker, frame);
	worker_put(worker, frame);
}

OPTION(fault, .name = "fault", .of = "fault", .value = OPTION_TAKES_WORD, .help = "what breaks");
OPTION(linger, .name = "linger", .of = "fault", .value = OPTION_TAKES_NUMBER, .max = 1,
       .help = "1: the guest runs on after check, leak, lose, scribble, table_... and pte_wild, "
	       "for an inspector");
OPTION_WORD_OF(fault, page_fault, "writes to where nothing is mapped");
OPTION_WORD_OF(fault, opcode, "runs an invalid instruction");
OPTION_WORD_OF(fault, breakpoint, "runs into a breakpoint");
OPTION_WORD_OF(fault, panic, "panics");
OPTION_WORD_OF(fault, check, "a check of the workload fails");
OPTION_WORD_OF(fault, hang, "does nothing for ever");
OPTION_WORD_OF(fault, leak, "forgets references");
OPTION_WORD_OF(fault, lose, "loses free frames");
OPTION_WORD_OF(fault, scribble, "writes over the type of a frame");
OPTION_WORD_OF(fault, double_put, "puts a reference twice");
OPTION_WORD_OF(fault, table_ref, "a page table has a reference too many");
OPTION_WORD_OF(fault, table_lost, "a page table has lost its type");
OPTION_WORD_OF(fault, table_level, "a page table has the wrong level");
OPTION_WORD_OF(fault, pte_wild, "an entry of a page table leads to a free frame");

static const struct {
	const struct option_entry *word;
	void (*run)(struct worker *worker);
	bool is_survived; /* the guest can linger */
} faults[] = {
	{&word_fault_page_fault, page_fault, false},
	{&word_fault_opcode, opcode, false},
	{&word_fault_breakpoint, breakpoint, false},
	{&word_fault_panic, end_in_panic, false},
	{&word_fault_check, fail_check, true},
	{&word_fault_hang, hang, false},
	{&word_fault_leak, leak, true},
	{&word_fault_lose, lose, true},
	{&word_fault_scribble, scribble, true},
	{&word_fault_double_put, double_put, false},
	{&word_fault_table_ref, fault_table_ref, true},
	{&word_fault_table_lost, fault_table_lost, true},
	{&word_fault_table_level, fault_table_level, true},
	{&word_fault_pte_wild, fault_pte_wild, true},
};

/* Runs on the last processor. So with two or more, the report must come from another than the boot processor. */
static void fault_run(struct worker *worker)
{
	if (worker->cpu != worker->cpus - 1)
		return;
	const struct option_entry *word = option_take_word(&option_fault);
	const bool lingers = option_take_number(&option_linger) != 0;

	if (!word)
		boot_option_refuse("the workload fault needs the option fault=");
	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (faults[i].word != word)
			continue;
		if (lingers && !faults[i].is_survived)
			boot_option_refuse("linger=1: the guest does not survive this fault");
		faults[i].run(worker);
	}
	while (lingers && worker_continue(worker))
		cpu_relax();
}

WORKLOAD(fault, 0, "the kernel breaks on purpose, to test the reports", .run = fault_run);
