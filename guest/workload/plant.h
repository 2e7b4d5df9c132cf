/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Faults on purpose: one bug of those that page-metadata code has, committed once by one processor, or from then
 * on, in the midst of whatever workload runs. For showing what finds it, and after how many steps.
 *
 *     plant=NAME    which; see plant.c
 *     plant_at=N    when that processor has made N steps; the seed decides by default, as it decides who
 *
 * The library's code stays as it is: the workload's own calls (worker_put and the like) make the wrong sequence, with
 * the primitives of pagemeta/slot.h, on the frame that is at hand. "planted NAME: frame ..." is said on the console.
 */
#ifndef GUEST_PLANT_H
#define GUEST_PLANT_H

#include <stdbool.h>

#include "pagemeta/frame.h"

struct worker;

/* Reads the options, and chooses the processor; before the workload starts. Ends the guest on a wrong name. */
void plant_prepare(struct worker *workers, unsigned cpus, uint64_t seed);

/*
 * What worker_* calls ask while worker->is_planting is set. A frame was claimed; a reference is about to be put: true
 * if it was, in a wrong way, and *was_last says whether it counts as the last.
 */
void plant_on_alloc(struct worker *worker, frame_t frame);
bool plant_on_put(struct worker *worker, frame_t frame, bool *was_last);

/* Each step from worker->plant_step on. */
void plant_on_step(struct worker *worker);

#endif
