/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rows of frame_rows.c inside a guest: a workload, linked into a guest of its own. Only the tables that want an
 * allocator, for a kernel that runs a workload has one; the floors work on a run of frames that is taken out of it.
 */
#include <stdarg.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "lib/console.h"
#include "lib/format.h"
#include "pagemeta/frame_alloc.h"
#include "panic.h"
#include "tests/bench/frame_rows.h"
#include "workload/workload.h"

#define FRAMES 200000

/* What CPU 1 is to do: set by CPU 0 (release), taken by CPU 1 (acquire), which clears it when it is done. */
static void (*job)(unsigned cpu);
static uint32_t finished;

uint64_t bench_now_ns(void)
{
	/* Good for two hours at 2.4 GHz before the product wraps. */
	return read_tsc() * 1000 / (tsc_khz / 1000);
}

void bench_print(const char *format, ...)
{
	char text[CONSOLE_LINE_MAX];
	va_list args;

	va_start(args, format);
	format_text(text, sizeof(text), format, args);
	va_end(args);
	kprintf("%s\n", text);
}

void bench_on_two_cpus(void (*function)(unsigned cpu))
{
	__atomic_store_n(&job, function, __ATOMIC_RELEASE);
	function(0);
	while (__atomic_load_n(&job, __ATOMIC_ACQUIRE))
		cpu_relax();
}

static void serve_jobs(void)
{
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		void (*function)(unsigned cpu) = __atomic_load_n(&job, __ATOMIC_ACQUIRE);

		if (!function) {
			cpu_relax();
			continue;
		}
		function(1);
		__atomic_store_n(&job, NULL, __ATOMIC_RELEASE);
	}
}

/* Memory for an array, by its linear mapping; it is never given back. */
static void *take_memory(uint64_t size)
{
	pfn_t first;

	if (!frame_alloc_take(align_up(size, PAGE_SIZE) / PAGE_SIZE, 1, &first))
		panic("no memory for the benchmark");
	return platform_phys_to_virt(pfn_to_paddr(first));
}

static void measure(void)
{
	bench_frames = (struct bench_frames){
		.count = FRAMES,
		.held = take_memory(FRAMES * sizeof(frame_t)),
		.order = take_memory(FRAMES * sizeof(uint32_t)),
		.other_order = take_memory(FRAMES * sizeof(uint32_t)),
	};
	if (!frame_alloc_take(FRAMES, 1, &bench_frames.first))
		panic("no frames for the benchmark");
	bench_shuffle();
	bench_run_table(BENCH_ORDER_0);
	bench_run_table(BENCH_THREADS);
	bench_run_table(BENCH_ORDERS);
}

static void bench_run(struct worker *worker)
{
	if (worker->cpu == 1)
		serve_jobs();
	if (worker->cpu != 0)
		return;
	measure();
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
}

WORKLOAD(bench, .run = bench_run);
