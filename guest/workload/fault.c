/* SPDX-License-Identifier: MPL-2.0 */
/*
 * fault: the kernel breaks on purpose, in the way that the option fault= names. For testing what
 * reports it.
 *
 *     fault=page_fault | opcode | breakpoint | panic | check | hang
 */
#include "workload/workload.h"

#include "boot/boot_info.h"
#include "panic.h"

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

static const struct {
	const char *name;
	void (*run)(struct worker *worker);
} faults[] = {
	{"page_fault", page_fault}, {"opcode", opcode},    {"breakpoint", breakpoint},
	{"panic", end_in_panic},    {"check", fail_check}, {"hang", hang},
};

/*
 * On the last processor, so that a report has to come from another than the boot processor where
 * there are two.
 */
static void fault_run(struct worker *worker)
{
	const char *name = boot_option("fault");

	if (worker->cpu != worker->cpus - 1)
		return;
	for (unsigned i = 0; name && i < sizeof(faults) / sizeof(faults[0]); i++)
		if (boot_option_is(name, faults[i].name)) {
			faults[i].run(worker);
			return;
		}
	boot_option_refuse("fault= takes page_fault, opcode, breakpoint, panic, check or hang");
}

WORKLOAD(fault, .run = fault_run);
