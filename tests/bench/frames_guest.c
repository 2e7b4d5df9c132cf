/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rows of frame_rows.c inside a guest, and the cost of metadata init: a workload, linked into a guest for this
 * benchmark. The floors, and the table without an allocator, use a run of frames taken out of the allocator.
 */
#include <stdarg.h>
#include <string.h>

#include <pagevisor/layout.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "boot/boot_info.h"
#include "lib/console.h"
#include "lib/format.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/meta_init.h"
#include "panic.h"
#include "tests/bench/frame_rows.h"
#include "workload/workload.h"

OPTION(frames, .name = "frames", .of = "bench", .value = OPTION_TAKES_NUMBER, .min = 1,
       .max = UINT32_MAX, .fallback = 200000, .help = "that each row works on");
OPTION(host_cpus, .name = "host_cpus", .of = "bench", .value = OPTION_TAKES_NUMBER,
       .max = UINT32_MAX, .fallback = 2,
       .help = "with less than two, rows with two CPUs are left out");

/* CPU 1's job: set by CPU 0 (release), taken by CPU 1 (acquire), which clears it when the job is done. */
static void (*job)(unsigned cpu);
static uint32_t finished;

static uint64_t tsc_ns(uint64_t ticks)
{
	/* The product wraps after two hours at 2.4 GHz. */
	return ticks * 1000 / (tsc_khz / 1000);
}

uint64_t bench_now_ns(void)
{
	return tsc_ns(read_tsc());
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

/*
 * A run of frames that nobody claims. It is missing from the host's final check of all frames until it is given back.
 */
struct run {
	pfn_t first;
	uint64_t frames;
};

static struct run take_run(uint64_t frames)
{
	struct run run = {.frames = frames};

	if (!frame_alloc_take(frames, 1, &run.first))
		panic("no memory for the benchmark");
	return run;
}

/* A run of frames to hold an array of bench_frames. */
static struct run take_array(uint64_t count, size_t element_size)
{
	return take_run(align_up(count * element_size, PAGE_SIZE) / PAGE_SIZE);
}

static void *run_bytes(struct run run)
{
	return platform_phys_to_virt(pfn_to_paddr(run.first));
}

/*
 * Metadata init happens once in a boot, before the TSC's frequency is known. The linker (--wrap) puts this function
 * around the kernel's own call. It times the call, and then, with the machine in the same state, memsets of the same
 * size over memory that nobody has touched yet.
 */
enum meta_error __real_meta_init(struct region_list *list, struct early_allocator *early,
				 struct meta_array *array);
enum meta_error __wrap_meta_init(struct region_list *list, struct early_allocator *early,
				 struct meta_array *array);

/*
 * Only a few. On a host that is itself a VM a fresh array took either 85 or some 225 ns a slot; the slow case became
 * more frequent the more memory was touched (the outer host probably had to find that memory first). Right after the
 * call conditions are most likely still the same.
 */
#define MEMSETS 3

static struct {
	uint64_t slots;
	uint64_t init_ticks;
	uint64_t memset_ticks[MEMSETS];
	unsigned next;
} init_times;

/*
 * Takes frames of the largest usable region, from its end down: they are free, and nothing but the later allocator uses
 * them.
 */
static void time_memsets(const struct meta_array *array)
{
	const struct region *largest = NULL;
	uint64_t size;

	for (unsigned i = 0; i < array->partition.count; i++) {
		const struct region *region = &array->partition.regions[i];

		if (region->kind == REGION_USABLE &&
		    (!largest || region->end - region->start > largest->end - largest->start))
			largest = region;
	}
	if (!largest || !meta_array_size(array->slots * PAGE_SIZE, &size) ||
	    align_up(size, LARGE_PAGE_SIZE) * (MEMSETS + 1) > largest->end - largest->start)
		panic("no memory for the benchmark");
	/* Aligned like the array. */
	uint64_t next = align_down(largest->end, LARGE_PAGE_SIZE);

	for (unsigned i = 0; i < MEMSETS; i++) {
		next -= align_up(size, LARGE_PAGE_SIZE);
		uint64_t start = read_tsc();

		memset(platform_phys_to_virt(paddr(next)), 0xff, size);
		init_times.memset_ticks[i] = read_tsc() - start;
	}
}

enum meta_error __wrap_meta_init(struct region_list *list, struct early_allocator *early,
				 struct meta_array *array)
{
	uint64_t start = read_tsc();
	enum meta_error error = __real_meta_init(list, early, array);

	init_times.init_ticks = read_tsc() - start;
	if (error == META_OK) {
		init_times.slots = array->slots;
		time_memsets(array);
	}
	return error;
}

static uint64_t init_once(void)
{
	return tsc_ns(init_times.init_ticks) * 1000 / init_times.slots;
}

/* Returns the few timings in rotation, so the median over all turns is the median of these. */
static uint64_t next_memset(void)
{
	uint64_t ticks = init_times.memset_ticks[init_times.next++ % MEMSETS];

	return tsc_ns(ticks) * 1000 / init_times.slots;
}

static void measure_init(void)
{
	static const struct bench_row row = {
		"metadata init, a slot", init_once, "memset, a slot", next_memset, 85, true};

	bench_print_heading("init");
	bench_run_row(&row);
}

/*
 * Nobody else allocates meanwhile. The allocator must not take back the frames that the rows drop, so it is marked as
 * not started.
 */
static void measure_slots(void)
{
	frame_alloc_started = false;
	bench_run_table(BENCH_SLOT);
	frame_alloc_started = true;
}

static void measure(void)
{
	const uint32_t count = (uint32_t)option_take_number(&option_frames);
	struct run slots = take_run(count);
	struct run held = take_array(count, sizeof(*bench_frames.held));
	struct run order = take_array(count, sizeof(*bench_frames.order));
	struct run other_order = take_array(count, sizeof(*bench_frames.other_order));

	bench_frames = (struct bench_frames){
		.count = count,
		.first = slots.first,
		.held = run_bytes(held),
		.order = run_bytes(order),
		.other_order = run_bytes(other_order),
	};
	bench_shuffle();
	measure_slots();
	for (enum bench_table table = BENCH_ORDER_0; table < BENCH_TABLE_COUNT; table++)
		if (bench_needs_two_cpus(table) && option_take_number(&option_host_cpus) < 2)
			bench_skip_table(table, "the host has one CPU");
		else
			bench_run_table(table);
	measure_init();
	frame_alloc_give(slots.first, slots.frames);
	frame_alloc_give(held.first, held.frames);
	frame_alloc_give(order.first, order.frames);
	frame_alloc_give(other_order.first, other_order.frames);
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

WORKLOAD(bench, 0, "the costs of frame operations", .run = bench_run);
