/* SPDX-License-Identifier: MPL-2.0 */
/* A private copy of a guest's memory as of one instant: see snapshot.h. */
#include "memory/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "memory/snapshot_copy.h"

/*
 * While the guest runs, the pages that it wrote are copied again, in at most ROUNDS_MAX rounds. They end early once a
 * round copies more than half as many pages as the one before, or no more than PAGES_ENOUGH: about as many as are
 * copied in the time that a pause takes by itself.
 */
#define ROUNDS_MAX   4
#define PAGES_ENOUGH 64

const char *snapshot_method_name(enum snapshot_method method)
{
	static const char *const names[] = {
		[SNAPSHOT_AT_REST] = "at_rest",
		[SNAPSHOT_WHOLE_PAUSE] = "whole_pause",
		[SNAPSHOT_DIRTY_LOG] = "dirty_log",
	};

	return names[method];
}

struct job {
	const struct guest_memory *memory;
	const struct control *control;
	const struct snapshot_plan *plan;
	const struct snapshot_options *options;
	struct memory_ranges ranges;
	struct snapshot_copy copy;
	struct snapshot_facts *facts;
	int reader;      /* its number at the dirty log */
	uint64_t *dirty; /* a bit for each page of the largest range; NULL without a dirty log */
	uint64_t dirty_bytes;
};

static void find_ranges(const struct job *job, struct memory_ranges *ranges)
{
	if (job->plan)
		job->plan->find(job->plan->context, job->memory, ranges);
	else
		memory_ranges_all(job->memory, ranges);
}

/* Copies all ranges. `progress` is set only while the guest is not paused. */
static int copy_ranges(struct job *job, bool progress, uint64_t *pages, struct error *err)
{
	const struct snapshot_options *options = job->options;
	uint64_t total = memory_ranges_bytes(&job->ranges), done = 0;

	for (unsigned i = 0; i < job->ranges.count; i++) {
		const struct memory_range *range = &job->ranges.list[i];

		for (uint64_t at = 0; at < range->size;) {
			uint64_t length;
			int result = snapshot_copy_piece(&job->copy, paddr(range->base.addr + at),
							 range->size - at, &length, pages, err);

			if (result < 0)
				return result;
			at += length;
			done += length;
			if (progress && options->progress &&
			    !options->progress(options->progress_context, done, total))
				return error_set(err, -ECANCELED, "cancelled");
		}
	}
	return 0;
}

static int map_has_changed(struct error *err)
{
	return error_set(err, -EAGAIN, "the guest's memory map changed meanwhile; try again");
}

static int copy_more(struct job *job, uint64_t *pages, struct error *err)
{
	const struct page_set *more = job->plan ? job->plan->more : NULL;
	uint64_t at = 0, size;
	paddr_t pa;

	while (more && (size = page_set_next(more, &at, &pa)) > 0)
		for (uint64_t done = 0, length; done < size; done += length) {
			int result = snapshot_copy_piece(&job->copy, paddr(pa.addr + done),
							 size - done, &length, pages, err);

			/* Unplugged before the copy began. */
			if (result == -EFAULT)
				return map_has_changed(err);
			if (result < 0)
				return result;
		}
	return 0;
}

/*
 * Finds the next run of dirty pages in [at, end). Sets *run to the first page and returns how many there are; 0: none.
 */
static uint64_t dirty_run(const uint64_t *bitmap, uint64_t at, uint64_t end, uint64_t *run)
{
	while (at < end) {
		uint64_t word = bitmap[at / 64] >> at % 64;

		if (word) {
			at += (unsigned)__builtin_ctzll(word);
			break;
		}
		at = (at / 64 + 1) * 64;
	}
	*run = at;
	while (at < end && bitmap[at / 64] >> at % 64 & 1)
		at++;
	return at > *run ? at - *run : 0;
}

/* Copies the dirty pages of a range again. */
static int copy_dirty_range(struct job *job, const struct memory_range *range, uint64_t *pages,
			    struct error *err)
{
	uint64_t count = range->size / PAGE_SIZE, run, length;

	int result = control_dirty_read(job->control, job->reader, true, range->base, count,
					job->dirty, err);

	for (uint64_t at = 0; result == 0; at = run + length) {
		length = dirty_run(job->dirty, at, count, &run);
		if (length == 0)
			break;
		*pages += length;
		result = snapshot_copy_again(&job->copy, paddr(range->base.addr + run * PAGE_SIZE),
					     length * PAGE_SIZE, err);
	}
	return result;
}

static int copy_dirty(struct job *job, uint64_t *pages, struct error *err)
{
	int result = 0;

	for (unsigned i = 0; result == 0 && i < job->ranges.count; i++)
		result = copy_dirty_range(job, &job->ranges.list[i], pages, err);
	return result;
}

/* The guest runs and the dirty log is on. Leaves few pages for the pause. */
static int copy_while_running(struct job *job, struct error *err)
{
	uint64_t before = UINT64_MAX;
	int result = copy_ranges(job, true, &job->facts->pages_running, err);

	for (unsigned round = 0; result == 0 && round < ROUNDS_MAX; round++) {
		uint64_t pages = 0;

		result = copy_dirty(job, &pages, err);
		job->facts->pages_running += pages;
		if (pages <= PAGES_ENOUGH || pages > before / 2)
			break;
		before = pages;
	}
	return result;
}

/*
 * The guest is paused. Copies everything from the start if there is no dirty log, or if the ranges to copy changed
 * while the guest ran.
 */
static int copy_while_paused(struct job *job, struct error *err)
{
	struct memory_ranges ranges;
	int result;

	if (!snapshot_copy_fits(&job->copy, job->memory))
		return map_has_changed(err);
	find_ranges(job, &ranges);
	if (job->dirty && memory_ranges_equal(&ranges, &job->ranges)) {
		result = copy_dirty(job, &job->facts->pages_paused, err);
	} else {
		job->ranges = ranges;
		result = snapshot_copy_clear(&job->copy, err);
		if (result == 0)
			result = copy_ranges(job, false, &job->facts->pages_paused, err);
	}
	return result < 0 ? result : copy_more(job, &job->facts->pages_paused, err);
}

static int guard(const struct job *job, bool is_end, struct error *err)
{
	const struct snapshot_options *options = job->options;

	return options->guard ? options->guard(options->guard_context, is_end, err) : 0;
}

static int take_the_rest(const struct job *job, struct error *err)
{
	const struct snapshot_options *options = job->options;

	return options->in_pause ? options->in_pause(options->in_pause_context, job->control, err)
				 : 0;
}

/* Resumes the guest whatever happens in between. If the pause ended by itself, it was too short and the copy fails. */
static int copy_in_pause(struct job *job, struct error *err)
{
	struct error ignored;
	int result = control_pause(job->control, err);

	if (result < 0)
		return result;
	result = guard(job, false, err);
	if (result == 0)
		result = copy_while_paused(job, err);
	if (result == 0)
		result = take_the_rest(job, err);
	if (result == 0)
		result = guard(job, true, err);
	int resumed =
		control_resume(job->control, &job->facts->paused_ns, result < 0 ? &ignored : err);

	return result < 0 ? result : resumed;
}

/* The dirty log is on; turns it off. */
static int copy_with_dirty_log(struct job *job, struct error *err)
{
	job->facts->method = SNAPSHOT_DIRTY_LOG;
	int result = copy_while_running(job, err);

	if (result == 0)
		result = copy_in_pause(job, err);
	control_dirty_stop(job->control, job->reader);
	return result;
}

static int allocate_dirty(struct job *job, struct error *err)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < job->ranges.count; i++)
		if (pages < job->ranges.list[i].size / PAGE_SIZE)
			pages = job->ranges.list[i].size / PAGE_SIZE;
	uint64_t bytes = (pages / 64 + 1) * sizeof(uint64_t);
	int result = memory_budget_take(job->memory->budget, bytes, "the dirty log", err);

	if (result < 0)
		return result;
	job->dirty_bytes = bytes;
	job->dirty = calloc(1, bytes);
	return job->dirty ? 0 : error_set(err, -ENOMEM, "no memory for the dirty log");
}

static void free_dirty(struct job *job)
{
	memory_budget_give(job->memory->budget, job->dirty_bytes);
	job->dirty_bytes = 0;
	free(job->dirty);
	job->dirty = NULL;
}

/* Without a pause there is no instant. If the guest cannot be paused, the failing attempt sets the error text. */
static int copy_live(struct job *job, struct error *err)
{
	if (!job->options->whole_pause && control_can_pause(job->control) &&
	    control_has_dirty_log(job->control)) {
		int result = allocate_dirty(job, err);

		if (result == 0)
			result = job->reader = control_dirty_start(job->control, err);
		if (result >= 0)
			return copy_with_dirty_log(job, err);
		if (result != -ENOTSUP)
			return result;
		free_dirty(job);
	}
	job->facts->method = SNAPSHOT_WHOLE_PAUSE;
	return copy_in_pause(job, err);
}

static int run_job(struct job *job, struct error *err)
{
	find_ranges(job, &job->ranges);
	if (job->control)
		return copy_live(job, err);
	job->facts->method = SNAPSHOT_AT_REST;
	int result = copy_ranges(job, true, &job->facts->pages_running, err);

	return result < 0 ? result : copy_more(job, &job->facts->pages_running, err);
}

int snapshot_make(const struct guest_memory *memory, const struct control *control,
		  const struct snapshot_plan *plan, const struct snapshot_options *options,
		  struct snapshot *snapshot, struct error *err)
{
	struct job job = {.memory = memory,
			  .control = control,
			  .plan = plan,
			  .options = options,
			  .facts = &snapshot->facts};
	uint64_t start = clock_now_ns();

	*snapshot = (struct snapshot){.fd = -1, .facts = {.all_memory = !plan}};
	int result = snapshot_copy_begin(&job.copy, memory, err);

	if (result < 0)
		return result;
	result = run_job(&job, err);
	if (result == 0)
		result = snapshot_copy_finish(&job.copy, &snapshot->memory, &snapshot->fd,
					      &snapshot->taken, err);
	snapshot_copy_end(&job.copy);
	free_dirty(&job);
	snapshot->facts.duration_ns = clock_now_ns() - start;
	return result;
}

void snapshot_close(struct snapshot *snapshot)
{
	memory_budget_give(snapshot->memory.budget, snapshot->taken);
	guest_memory_destroy(&snapshot->memory);
	close(snapshot->fd);
}
