/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Planted faults: one typical bug of page-metadata code. One processor commits it, once or repeatedly from then on,
 * during any workload. This shows which check finds the bug, and after how many steps.
 *
 * The options plant= and plant_at= are declared in plant.c. The seed chooses the processor.
 *
 * The library's code is unchanged: the workload's own calls (worker_put and the like) perform the wrong sequence, with
 * the primitives of pagemeta/slot.h, on the frame at hand. The console reports "planted NAME: frame ...".
 */
#ifndef GUEST_PLANT_H
#define GUEST_PLANT_H

#include <stdbool.h>

#include "pagemeta/frame.h"

struct worker;

/* Reads the options and chooses the processor. Called before the workload starts. Ends the guest on a wrong name. */
void plant_prepare(struct worker *workers, unsigned cpus, uint64_t seed);

/*
 * Called by the worker_* calls while worker->is_planting is set: after a frame was claimed, and before a reference is
 * put. plant_on_put returns true if it put the reference itself, in a wrong way; *was_last then says whether it counts
 * as the last.
 */
void plant_on_alloc(struct worker *worker, frame_t frame);
bool plant_on_put(struct worker *worker, frame_t frame, bool *was_last);

/* The same before a put is deferred. Returns true if the reference shall be put at once. */
bool plant_on_deferral(struct worker *worker, frame_t frame);

/* Called at each step from worker->plant_step on. */
void plant_on_step(struct worker *worker);

#endif
