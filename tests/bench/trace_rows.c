/* SPDX-License-Identifier: MPL-2.0 */
/* Cost of the trace: see trace_rows.h. */
#include "tests/bench/trace_rows.h"

#include <string.h>

#include "pagemeta/static_branch.h"
#include "pagemeta/trace.h"
#include "tests/bench/frame_rows.h"
#include "tests/bench/hook_loops.h"

META_TYPE(hooked);

#define PS_PER_NS 1000

static frame_t shared_frame;

static uint64_t per_operation(uint64_t start_ns)
{
	return (bench_now_ns() - start_ns) * PS_PER_NS / bench_frames.count;
}

static uint64_t get_put(void)
{
	uint64_t start = bench_now_ns();

	get_put_loop(shared_frame, bench_frames.count);
	return per_operation(start);
}

static uint64_t get_put_bare(void)
{
	uint64_t start = bench_now_ns();

	get_put_untraced(shared_frame, bench_frames.count);
	return per_operation(start);
}

static uint64_t alloc_put(void)
{
	uint64_t start = bench_now_ns();

	alloc_put_loop(bench_frames.count);
	return per_operation(start);
}

static uint64_t alloc_put_bare(void)
{
	uint64_t start = bench_now_ns();

	alloc_put_untraced(bench_frames.count);
	return per_operation(start);
}

static uint64_t traced(uint64_t (*run)(void))
{
	static_branch_set(true);
	uint64_t result = run();

	static_branch_set(false);
	return result;
}

static uint64_t get_put_traced(void)
{
	return traced(get_put);
}

static uint64_t alloc_put_traced(void)
{
	return traced(alloc_put);
}

/* What the trace adds to a get or a put. */
static uint64_t event(void)
{
	uint64_t off = get_put();
	uint64_t on = get_put_traced();

	return on > off ? (on - off) / 2 : 0;
}

static uint64_t clock_reading(void)
{
	uint64_t start = bench_now_ns();

	for (uint32_t i = 0; i < bench_frames.count; i++)
		__asm__ volatile("rdtsc" ::: "rax", "rdx");
	return per_operation(start);
}

void bench_run_trace_table(void)
{
	static const struct bench_row rows[] = {
		{"get + put, trace off", get_put, "no hook", get_put_bare, 102, false},
		{"alloc + put, trace off", alloc_put, "no hook", alloc_put_bare, 102, false},
		{"get + put, trace on", get_put_traced, "trace off", get_put, 0, false},
		{"an event of get or put", event, "reading the clock", clock_reading, 0, false},
		{"alloc + put, trace on", alloc_put_traced, "trace off", alloc_put, 0, false},
	};
	struct hooked_meta meta = {0};

	shared_frame = frame_alloc(hooked, &meta);
	trace_set_ring(0, pfn_to_paddr(bench_frames.first), TRACE_ENTRIES_DEFAULT);
	bench_print_heading("trace");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bench_run_row(&rows[i]);
	memset(trace_rings, 0, PLATFORM_MAX_CPUS * sizeof(trace_rings[0]));
	frame_put(shared_frame);
}
