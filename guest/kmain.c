/* SPDX-License-Identifier: MPL-2.0 */
/* The boot order of the guest kernel. */
#include <pagevisor/ports.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "boot/boot_info.h"
#include "boot/entry.h"
#include "boot/option.h"
#include "info.h"
#include "lib/console.h"
#include "mm/memory.h"
#include "mm/trace.h"
#include "panic.h"
#include "workload/workload.h"

/* Read by boot/start.S. */
OPTION(ring, .name = OPTION_RING, .value = OPTION_TAKES_NUMBER, .max = 3, .flags = OPTION_FROM_HOST,
       .help = "of the kernel: 0 or 3");

/* Entered from boot/start.S in the ring chosen there, on the boot processor. */
_Noreturn void kmain(uint64_t start_info_pa)
{
	traps_init();
	boot_info_read(start_info_pa);
	info_publish();

	memory_init();
	memory_check();
	clock_init();
	trace_init();
	smp_start();
	memory_reclaim_tables();
	trace_start(cpu_count);
	info_set_cpus(cpu_count, tsc_khz);

	const struct workload *workload = workload_choose();

	kprintf("ready: ring %u, %u cpus, %lu slots for %lu MiB, all checked\n", kernel_ring,
		cpu_count, guest_info.slot_count, memory_mib());
	info_set_stage(STAGE_READY);

	bool passed = workload_run(workload);

	info_set_stage(STAGE_FINISHED);
	guest_exit(passed ? GUEST_EXIT_OK : GUEST_EXIT_FAILED);
}
