/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Workloads: what the kernel does with its frames once it is up.
 *
 * A workload is one file that defines its metadata types and a function, and registers the
 * function:
 *
 *     static void churn(struct worker *worker) { while (worker_continue(worker)) ...; }
 *     WORKLOAD(churn, .run = churn);
 *
 * The function runs on every processor at once. It takes and gives frames through the worker_*
 * calls below, which count what they do; the host holds these counts against the slots when the
 * workload has ended. What it still holds then stays in use.
 *
 * Options of the command line: workload=NAME seed=N ops=N (steps of each processor, 0: no limit)
 * time_ms=N (0: no limit).
 */
#ifndef GUEST_WORKLOAD_H
#define GUEST_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/info.h>

#include "lib/random.h"
#include "pagemeta/frame.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/frame_reader.h"

/* One processor's part of a running workload. */
struct worker {
	unsigned cpu;
	unsigned cpus;
	struct random
		random; /* seeded by the option seed= and the processor: same seed, same choices */
	struct cpu_counters *counters;
	uint64_t operations_left; /* UINT64_MAX: no limit */
	uint64_t end_tsc;         /* UINT64_MAX: no limit */
};

struct workload {
	const char *name;
	void (*prepare)(unsigned cpus); /* on one processor, before the others; may be NULL */
	void (*run)(struct worker *worker);
};

#define WORKLOAD(identifier, ...)                                                                  \
	static const struct workload workload_##identifier                                         \
		__attribute__((section("workloads"), used, aligned(8))) = {.name = #identifier,    \
									   __VA_ARGS__}

/* The workload that the command line names; ends the guest when there is none of that name. */
const struct workload *workload_choose(void);

/* Runs it on all processors. Returns whether none of its own checks failed. */
bool workload_run(const struct workload *workload);

/*
 * Counts one step. False when the workload shall end: steps used up, time over, or the host asked.
 */
bool worker_continue(struct worker *worker);

/* The worker of the processor that runs this, for an on_drop. */
struct worker *worker_current(void);

/* A free frame as `type`, with *meta of struct type_meta. FRAME_NONE when no memory is free. */
#define worker_alloc(worker, type, meta)                                                           \
	worker_count_alloc((worker), &meta_type_##type, frame_alloc(type, meta))

frame_t worker_count_alloc(struct worker *worker, const struct meta_type *type, frame_t frame);

/* One more reference to a frame that is held. */
frame_t worker_get(struct worker *worker, frame_t frame);

/* One more reference to the frame at an address; FRAME_NONE if it is not shared just now. */
frame_t worker_get_at(struct worker *worker, paddr_t frame);

/* Gives a reference back; true if it was the last. An on_drop puts what its frame held in the same way. */
bool worker_put(struct worker *worker, frame_t frame);

/* A check of the workload's own. Counts a failure and says so once per processor. */
void worker_check(struct worker *worker, bool holds, const char *what, frame_t frame);

#endif
