/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fault: the kernel breaks on purpose, in the way that the option fault= names. For testing the reports.
 *
 *     fault=page_fault | opcode | breakpoint | panic | check | hang | leak | lose | scribble | double_put |
 *           table_ref | table_lost | table_level | pte_wild
 *     linger=1   keeps the guest running after a fault that it survives, for an inspector
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

static const struct {
	const char *name;
	void (*run)(struct worker *worker);
} faults[] = {
	{"page_fault", page_fault},
	{"opcode", opcode},
	{"breakpoint", breakpoint},
	{"panic", end_in_panic},
	{"check", fail_check},
	{"hang", hang},
	{"leak", leak},
	{"lose", lose},
	{"scribble", scribble},
	{"double_put", double_put},
	{"table_ref", fault_table_ref},
	{"table_lost", fault_table_lost},
	{"table_level", fault_table_level},
	{"pte_wild", fault_pte_wild},
};

/* Runs on the last processor. So with two or more, the report must come from another than the boot processor. */
static void fault_run(struct worker *worker)
{
	const char *name = boot_option("fault");

	if (worker->cpu != worker->cpus - 1)
		return;
	for (unsigned i = 0; name && i < sizeof(faults) / sizeof(faults[0]); i++)
		if (boot_option_is(name, faults[i].name)) {
			faults[i].run(worker);
			while (boot_option("linger") && worker_continue(worker))
				cpu_relax();
			return;
		}
	boot_option_refuse(
		"fault= takes page_fault, opcode, breakpoint, panic, check, hang, leak, lose, "
		"scribble, double_put, table_ref, table_lost, table_level or pte_wild");
}

WORKLOAD(fault, .run = fault_run);
