/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Workloads: what the kernel does with its frames once it is up.
 *
 * A workload is one file that defines its metadata types and a function, and registers the
 * function:
 *
 *     static void churn(struct worker *worker) { while (worker_continue(worker)) ...; }
 *     WORKLOAD(churn, OPTION_STRESSES, "frames that come and go", .run = churn);
 *
 * The function runs on every processor at once. It allocates and frees frames through the worker_* calls below, which
 * count each operation. When the workload has ended, the host compares these counts with the slots. Frames that it
 * still holds then stay in use.
 *
 * Options of the command line are declared where they are read, with OPTION() of boot/option.h.
 */
#ifndef GUEST_WORKLOAD_H
#define GUEST_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/info.h>

#include "boot/option.h"
#include "lib/random.h"
#include "pagemeta/deferred_put.h"
#include "pagemeta/frame.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/frame_ask.h"
#include "pagemeta/frame_list.h"
#include "pagemeta/frame_reader.h"
#include "pagemeta/segment.h"
#include "pagemeta/unique.h"

/* One processor's part of a running workload. */
struct worker {
	unsigned cpu;
	unsigned cpus;
	struct random random; /* seeded by seed= and the processor: same seed, same choices */
	struct cpu_counters *counters;
	uint64_t operations_left; /* UINT64_MAX: no limit */
	uint64_t end_tsc;         /* UINT64_MAX: no limit */
	uint64_t slice_left;      /* steps until another workload's turn; UINT64_MAX: no limit */
	uint64_t plant_step; /* first step that may plant a fault (plant.h); UINT64_MAX: none */
	bool is_planting;
	uint32_t restores; /* of the guest, as far as `random` knows of them */
};

struct workload {
	/*
	 * Its name and flags. With OPTION_MIXES it may take part in a mix: `run` keeps what it holds from one call to the
	 * next, runs beside others, and manages with workload_frames_max() frames for any length of time.
	 */
	const struct option_entry *option;
	void (*prepare)(unsigned cpus); /* on one processor, before the others; may be NULL */
	void (*run)(struct worker *worker);
	void (*finish)(struct worker *worker); /* on one, when all have ended; may be NULL */
};

#define WORKLOAD(identifier, option_flags, text, ...)                                              \
	OPTION_ENTRY(entry_of_##identifier) = {.kind = OPTION_KIND_WORKLOAD,                       \
					       .name = #identifier,                                \
					       .flags = (option_flags),                            \
					       .help = (text)};                                    \
	static const struct workload workload_##identifier                                         \
		__attribute__((section("workloads"), used, aligned(8))) = {                        \
			.option = &entry_of_##identifier, __VA_ARGS__}

/* The workload that the command line names; ends the guest when there is none of that name. */
const struct workload *workload_choose(void);

/* Runs a workload on all processors. Returns whether all its own checks passed. */
bool workload_run(const struct workload *workload);

/* All workloads. */
extern const struct workload __start_workloads[];
extern const struct workload __stop_workloads[];

/* How many frames a workload may hold for long: all, or its share when several take turns. */
uint64_t workload_frames_max(void);

/* Divides the memory among workloads that take turns. Called before the first use of workload_frames_max(). */
void workload_divide(unsigned parts);

/*
 * Counts one step. False when the workload must return: steps or slice used up, time over, stopped by the host or by a
 * failure. A quiescent state (mm/rcu.h): no read-side section is open.
 */
bool worker_continue(struct worker *worker);

/* Runs some steps of a workload that may take part in a mix. False when all must end. */
bool worker_run_slice(struct worker *worker, const struct workload *workload, uint64_t steps);

/* The current processor's worker, for an on_drop. */
struct worker *worker_current(void);

/*
 * A free frame as `type`, with *meta of struct type_meta. FRAME_NONE when no memory is free, and the host gives none back.
 */
#define worker_alloc(worker, type, meta)                                                           \
	worker_count_alloc((worker), &meta_type_##type, frame_alloc_or_ask(type, meta))

frame_t worker_count_alloc(struct worker *worker, const struct meta_type *type, frame_t frame);

/* One more reference to a frame that is held. */
frame_t worker_get(struct worker *worker, frame_t frame);

/* One more reference to the frame at an address; FRAME_NONE if it is not shared just now. */
frame_t worker_get_at(struct worker *worker, paddr_t frame);

/* Gives a reference back; true if it was the last. An on_drop puts what its frame held in the same way. */
bool worker_put(struct worker *worker, frame_t frame);

/*
 * The same for the other kinds of ownership. A unique frame counts as one reference; a change of its
 * type ends one frame and begins another, though no memory is taken or given.
 */
#define worker_unique_alloc(worker, type, meta)                                                    \
	((unique_frame_t){worker_count_alloc((worker), &meta_type_##type,                          \
					     (frame_t){unique_alloc_or_ask(type, meta).slot})      \
				  .slot})

void worker_unique_drop(struct worker *worker, unique_frame_t frame);

/*
 * As frame_put_deferred and unique_drop_deferred. A put counts at once. Whether it was the last is not known then: so
 * the type's on_drop calls worker_count_deferred_drop(), which counts the drop if a deferred put has caused it. If the
 * last reference was put by worker_put, as by a workload that has got it by the address, that has counted the drop.
 */
void worker_put_deferred(struct worker *worker, frame_t frame, struct deferred_put *node);
void worker_unique_drop_deferred(struct worker *worker, unique_frame_t frame,
				 struct deferred_put *node);
void worker_count_deferred_drop(struct worker *worker, const struct meta_type *type);

/* *meta is of the new type's size. */
void worker_unique_replace(struct worker *worker, unique_frame_t frame,
			   const struct meta_type *type, const void *meta);

/* As frame_list_drop. */
void worker_list_drop(struct worker *worker, struct frame_list *list);

/* As segment_alloc; a run that is not found counts as one refusal. */
#define worker_segment_alloc(worker, type, count, align, fill, context, out)                       \
	worker_count_segment(                                                                      \
		(worker), &meta_type_##type,                                                       \
		segment_alloc_or_ask(type, (count), (align), (fill), (context), (out)), (out))

bool worker_count_segment(struct worker *worker, const struct meta_type *type, bool made,
			  const struct segment *segment);

/* As segment_slice. */
bool worker_segment_slice(struct worker *worker, const struct segment *segment, uint64_t at,
			  uint64_t count, struct segment *out);

/* As segment_drop, for a segment whose frames are all of one type. */
void worker_segment_drop(struct worker *worker, struct segment *segment);

/* How many frames of a type there are by these counts; approximate while others work. */
uint64_t worker_frames_of(const struct meta_type *type);

/* Checks, when all have ended, that the allocator lacks exactly the frames that are in use by these counts. */
void worker_check_books(struct worker *worker);

/* The bytes of a frame. */
static inline void *frame_bytes(frame_t frame)
{
	return platform_phys_to_virt(frame_paddr(frame));
}

/* A check by the workload. Counts each failure and prints the first of each processor. */
void worker_check(struct worker *worker, bool holds, const char *what, frame_t frame);

#endif
