/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guest's workloads, run by host threads: the same sources, compiled with the host's platform. This file supplies
 * the kernel functions that they call besides pagemeta. For speed without a guest, and for sanitizers.
 *
 * Usage: scenarios CPUS MEMORY_MIB [OPTION...], with the options of the guest's command line. Prints the steps of all
 * CPUs and their rate per second. Exit status: 0 if none of the workload's checks failed, 1 if one did, 2 for bad
 * options. An abort of the library ends it with a signal.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/smp.h"
#include "base/clock.h"
#include "boot/boot_info.h"
#include "info.h"
#include "lib/console.h"
#include "mm/trace.h"
#include "panic.h"
#include "tests/bench/host.h"
#include "workload/workload.h"

struct mailbox mailbox;
struct cpu_counters cpu_counters[MAX_CPUS];
unsigned cpu_count;
uint64_t tsc_khz;

static pthread_mutex_t console = PTHREAD_MUTEX_INITIALIZER;

void kvprintf(const char *format, va_list args)
{
	vprintf(format, args);
}

void kprintf(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&console);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
	pthread_mutex_unlock(&console);
}

_Noreturn void guest_exit(uint8_t status)
{
	exit(status == GUEST_EXIT_USAGE ? 2 : 1);
}

_Noreturn void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	puts("");
	guest_exit(GUEST_EXIT_PANIC);
}

static uint64_t running_ns, finished_ns;

void info_set_stage(enum boot_stage stage)
{
	if (stage == STAGE_RUNNING)
		running_ns = clock_now_ns();
}

void smp_run(void (*function)(unsigned cpu))
{
	bench_on_cpus(cpu_count, function);
	finished_ns = clock_now_ns();
}

/* As in the kernel: measures for long enough. */
static void measure_tsc(void)
{
	const uint64_t wait_ns = 20 * NS_PER_MS;
	uint64_t start_ns = clock_now_ns();
	uint64_t start = read_tsc();

	while (clock_now_ns() - start_ns < wait_ns)
		cpu_relax();
	tsc_khz = (read_tsc() - start) * NS_PER_MS / (clock_now_ns() - start_ns);
}

static void take_options(char **options)
{
	char *line = boot_info.command_line;
	size_t room = sizeof(boot_info.command_line);

	for (; *options; options++) {
		int length = snprintf(line, room, "%s ", *options);

		if (length < 0 || (size_t)length >= room)
			exit(2);
		line += length;
		room -= (size_t)length;
	}
}

static int run(void)
{
	bool passed = workload_run(workload_choose());
	uint64_t steps = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		steps += cpu_counters[cpu].operations;
	printf("%lu steps, %.0f a second\n", steps,
	       (double)steps * (double)NS_PER_S / (double)(finished_ns - running_ns));
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	unsigned long memory_mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	cpu_count = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	if (cpu_count < 1 || cpu_count > MAX_CPUS || memory_mib < 16) {
		fprintf(stderr, "usage: scenarios CPUS MEMORY_MIB [OPTION...]\n");
		return 2;
	}
	take_options(argv + 3);
	measure_tsc();
	if (!host_memory_create(memory_mib << 20) || !bench_metadata_init(memory_mib << 20)) {
		perror("scenarios");
		return 2;
	}
	frame_alloc_init(&bench_array.partition);
	trace_init();
	trace_start(cpu_count);
	return run();
}
