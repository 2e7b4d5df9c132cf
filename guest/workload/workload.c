/* SPDX-License-Identifier: MPL-2.0 */
/* Running a workload on all processors, and its counts. See workload.h. */
#include "workload/workload.h"

#include <string.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/smp.h"
#include "boot/boot_info.h"
#include "info.h"
#include "lib/console.h"
#include "mm/rcu.h"
#include "mm/trace.h"
#include "workload/plant.h"

/* Steps between two polls of the clock and the mailbox. A power of two. */
#define POLL_INTERVAL 256

/* The TSC's ticks in this time fit 64 bits: a hundred years. */
#define TIME_MS_MAX (UINT64_C(100) * 366 * 24 * 3600 * 1000)

OPTION(workload, .name = OPTION_WORKLOAD, .value = OPTION_TAKES_WORKLOAD, .word = "churn",
       .flags = OPTION_FROM_HOST, .help = "what the guest does");
OPTION(seed, .name = OPTION_SEED, .value = OPTION_TAKES_NUMBER, .max = UINT64_MAX, .fallback = 1,
       .flags = OPTION_FROM_HOST, .help = "of all random choices");
OPTION(operations, .name = OPTION_OPERATIONS, .value = OPTION_TAKES_NUMBER, .max = UINT64_MAX,
       .flags = OPTION_FROM_HOST, .unit = "steps",
       .help = "of each CPU until the workload ends; 0: no limit");
OPTION(time_ms, .name = OPTION_TIME_MS, .value = OPTION_TAKES_NUMBER, .max = TIME_MS_MAX,
       .flags = OPTION_FROM_HOST, .unit = "ms", .help = "until the workload ends; 0: no limit");
OPTION(stop_on_failure, .name = OPTION_STOP_ON_FAILURE, .value = OPTION_TAKES_NUMBER, .max = 1,
       .help = "1: the first failed check ends the workload");

static struct worker workers[MAX_CPUS];
static const struct workload *running;
static unsigned parts = 1; /* that the memory is divided into */
static bool stops_on_failure;
static bool is_stopping; /* after a failure; set by any processor and polled by all, relaxed */

const struct workload *workload_choose(void)
{
	const char *name = boot_option(option_workload.name);

	if (!name)
		name = option_workload.word;
	for (const struct workload *w = __start_workloads; w < __stop_workloads; w++)
		if (boot_option_is(name, w->option->name))
			return w;
	kprintf("the workloads are:");
	for (const struct workload *w = __start_workloads; w < __stop_workloads; w++)
		kprintf(" %s", w->option->name);
	boot_option_refuse("; workload= names none of them");
}

static void run_worker(unsigned cpu)
{
	running->run(&workers[cpu]);
	rcu_end();
}

bool workload_run(const struct workload *workload)
{
	uint64_t seed = option_take_number(&option_seed);
	uint64_t operations = option_take_number(&option_operations);
	uint64_t time_ms = option_take_number(&option_time_ms);
	uint64_t failures = 0;

	stops_on_failure = option_take_number(&option_stop_on_failure) != 0;
	running = workload;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		workers[cpu] = (struct worker){
			.cpu = cpu,
			.cpus = cpu_count,
			.random = random_seed(seed, cpu),
			.counters = &cpu_counters[cpu],
			.operations_left = operations ? operations : UINT64_MAX,
			.end_tsc = time_ms ? read_tsc() + time_ms * tsc_khz : UINT64_MAX,
			.slice_left = UINT64_MAX,
			.plant_step = UINT64_MAX,
		};
	plant_prepare(workers, cpu_count, seed);
	if (workload->prepare)
		workload->prepare(cpu_count);
	info_set_stage(STAGE_RUNNING);
	rcu_start(cpu_count);
	smp_run(run_worker);
	rcu_finish();
	if (workload->finish)
		workload->finish(worker_current());
	rcu_finish();
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		failures += cpu_counters[cpu].failures;
	return failures == 0;
}

/*
 * Single writer, so a plain add; the store is a relaxed atomic for the host that reads meanwhile.
 */
static void add(uint64_t *counter, uint64_t count)
{
	__atomic_store_n(counter, *counter + count, __ATOMIC_RELAXED);
}

static void count(uint64_t *counter)
{
	add(counter, 1);
}

uint64_t workload_frames_max(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
	return stats.managed / parts;
}

void workload_divide(unsigned count)
{
	parts = count;
}

/* Counts `frames` new frames of a type, each with one reference. */
static void count_claimed(struct worker *worker, const struct meta_type *type, uint64_t frames)
{
	add(&worker->counters->allocations, frames);
	add(&worker->counters->claimed[meta_type_index(type)], frames);
}

/* Counts references to frames of a type that were put; `frames` of them were the last. */
static void count_puts(struct worker *worker, const struct meta_type *type, uint64_t puts,
		       uint64_t frames)
{
	add(&worker->counters->puts, puts);
	add(&worker->counters->frees, frames);
	add(&worker->counters->dropped[meta_type_index(type)], frames);
}

static bool must_stop(const struct worker *worker)
{
	return read_tsc() > worker->end_tsc || __atomic_load_n(&mailbox.stop, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&is_stopping, __ATOMIC_RELAXED);
}

/* The guest was restored from a file: others that were may make other choices. The seed was there before the guest ran. */
static void note_restore(struct worker *worker, uint32_t restores)
{
	uint64_t seed = __atomic_load_n(&mailbox.seed, __ATOMIC_RELAXED);

	worker->restores = restores;
	if (seed)
		random_mix(&worker->random, seed, worker->cpu);
}

bool worker_continue(struct worker *worker)
{
	uint32_t restores = __atomic_load_n(&mailbox.restores, __ATOMIC_RELAXED);

	rcu_quiescent_state();
	if (__builtin_expect(restores != worker->restores, 0))
		note_restore(worker, restores);
	if (worker->operations_left == 0 || worker->slice_left == 0)
		return false;
	if (worker->operations_left != UINT64_MAX)
		worker->operations_left--;
	if (worker->slice_left != UINT64_MAX)
		worker->slice_left--;
	if (worker->counters->operations % POLL_INTERVAL == 0 && must_stop(worker)) {
		worker->operations_left = 0;
		return false;
	}
	if (__builtin_expect(worker->counters->operations >= worker->plant_step, 0))
		plant_on_step(worker);
	count(&worker->counters->operations);
	return true;
}

bool worker_run_slice(struct worker *worker, const struct workload *workload, uint64_t steps)
{
	worker->slice_left = steps;
	workload->run(worker);
	worker->slice_left = UINT64_MAX;
	return worker->operations_left > 0;
}

struct worker *worker_current(void)
{
	return &workers[platform_cpu()];
}

frame_t worker_count_alloc(struct worker *worker, const struct meta_type *type, frame_t frame)
{
	if (!frame.slot) {
		count(&worker->counters->refusals);
		return frame;
	}
	count_claimed(worker, type, 1);
	if (__builtin_expect(worker->is_planting, 0))
		plant_on_alloc(worker, frame);
	return frame;
}

frame_t worker_get(struct worker *worker, frame_t frame)
{
	count(&worker->counters->gets);
	return frame_get(frame);
}

frame_t worker_get_at(struct worker *worker, paddr_t frame)
{
	frame_t found;

	if (frame_from_in_use(frame, &found) != FRAME_OK)
		return FRAME_NONE;
	count(&worker->counters->gets);
	return found;
}

/* The type of a held frame. Aborts if it has no type: such a frame is broken, and no counter would fit. */
static const struct meta_type *type_to_count(frame_t frame)
{
	const struct meta_type *type = frame_type(frame);

	if (__builtin_expect(!meta_type_is_valid((uint64_t)(uintptr_t)type), 0))
		platform_abort("a frame that is held has no type", frame_paddr(frame),
			       slot_load(frame.slot));
	return type;
}

bool worker_put(struct worker *worker, frame_t frame)
{
	const struct meta_type *type = type_to_count(frame); /* must not be read after the put */
	bool was_last;

	if (__builtin_expect(!worker->is_planting, 1) || !plant_on_put(worker, frame, &was_last))
		was_last = frame_put(frame);
	count_puts(worker, type, 1, was_last);
	return was_last;
}

void worker_unique_drop(struct worker *worker, unique_frame_t frame)
{
	if (__builtin_expect(worker->is_planting, 0)) {
		worker_put(worker, unique_share(frame));
		return;
	}
	const struct meta_type *type = type_to_count((frame_t){frame.slot});

	unique_drop(frame);
	count_puts(worker, type, 1, 1);
}

void worker_put_deferred(struct worker *worker, frame_t frame, struct deferred_put *node)
{
	count(&worker->counters->puts);
	if (__builtin_expect(worker->is_planting, 0) && plant_on_deferral(worker, frame)) {
		const struct meta_type *type = type_to_count(frame);

		count_puts(worker, type, 0, frame_put(frame));
		return;
	}
	frame_put_deferred(frame, node);
}

void worker_unique_drop_deferred(struct worker *worker, unique_frame_t frame,
				 struct deferred_put *node)
{
	if (__builtin_expect(worker->is_planting, 0)) {
		worker_put_deferred(worker, unique_share(frame), node);
		return;
	}
	count(&worker->counters->puts);
	unique_drop_deferred(frame, node);
}

void worker_count_deferred_drop(struct worker *worker, const struct meta_type *type)
{
	if (rcu_runs_callback())
		count_puts(worker, type, 0, 1);
}

void worker_unique_replace(struct worker *worker, unique_frame_t frame,
			   const struct meta_type *type, const void *meta)
{
	const struct meta_type *old = type_to_count((frame_t){frame.slot});

	unique_replace_as(frame, type, meta);
	count(&worker->counters->puts);
	count(&worker->counters->dropped[meta_type_index(old)]);
	count(&worker->counters->claimed[meta_type_index(type)]);
}

uint64_t worker_frames_of(const struct meta_type *type)
{
	size_t at = meta_type_index(type);
	uint64_t frames = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		frames += __atomic_load_n(&cpu_counters[cpu].claimed[at], __ATOMIC_RELAXED) -
			  __atomic_load_n(&cpu_counters[cpu].dropped[at], __ATOMIC_RELAXED);
	return frames;
}

void worker_check_books(struct worker *worker)
{
	struct frame_alloc_stats stats;
	/* Of the permanent frames, only these came from the allocator. */
	uint64_t in_use = trace_frames();

	for (const struct meta_type *type = __start_meta_types; type < __stop_meta_types; type++)
		if (!type->is_permanent)
			in_use += worker_frames_of(type);
	frame_alloc_read_stats(&stats);
	uint64_t free = stats.cached + stats.parked;

	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		free += stats.blocks[order] << order;
	if (free + in_use != stats.managed)
		kprintf("%lu frames are free, %lu in use, %lu in all\n", free, in_use,
			stats.managed);
	worker_check(worker, free + in_use == stats.managed, "frames in use and free do not add up",
		     FRAME_NONE);
}

void worker_list_drop(struct worker *worker, struct frame_list *list)
{
	uint64_t frames = frame_list_count(list);

	frame_list_drop(list);
	count_puts(worker, list->type, frames, frames);
}

bool worker_count_segment(struct worker *worker, const struct meta_type *type, bool made,
			  const struct segment *segment)
{
	if (made)
		count_claimed(worker, type, segment->count);
	else
		count(&worker->counters->refusals);
	return made;
}

bool worker_segment_slice(struct worker *worker, const struct segment *segment, uint64_t at,
			  uint64_t count, struct segment *out)
{
	if (!segment_slice(segment, at, count, out))
		return false;
	add(&worker->counters->gets, count);
	return true;
}

void worker_segment_drop(struct worker *worker, struct segment *segment)
{
	uint64_t references = segment->count;

	if (references == 0)
		return;

	const struct meta_type *type =
		type_to_count((frame_t){(struct meta_slot *)segment_frame(segment, 0).slot});

	count_puts(worker, type, references, segment_drop(segment));
}

void worker_check(struct worker *worker, bool holds, const char *what, frame_t frame)
{
	if (__builtin_expect(holds, 1))
		return;
	if (worker->counters->failures == 0 && frame.slot)
		kprintf(LINE_CHECK_FAILED "%u, " LINE_FRAME "%lx: %s\n", worker->cpu,
			frame_paddr(frame).addr, what);
	else if (worker->counters->failures == 0)
		kprintf(LINE_CHECK_FAILED "%u: %s\n", worker->cpu, what);
	count(&worker->counters->failures);
	if (stops_on_failure)
		__atomic_store_n(&is_stopping, true, __ATOMIC_RELAXED);
}
