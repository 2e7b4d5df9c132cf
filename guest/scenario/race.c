/* SPDX-License-Identifier: MPL-2.0 */
/*
 * race: references by the bare address against the last put. Each processor has a few frames whose addresses all
 * processors know. It puts them and allocates others at once, while all processors try the addresses.
 */
#include "workload/stamp.h"

#define TARGETS 4  /* of each processor */
#define TRIES   32 /* at a time */
#define CHECKS  4  /* checks of a frame while it is held */

static struct held targets[MAX_CPUS][TARGETS];
/* The targets' addresses. Relaxed: they are only places to try. */
static uint64_t addresses[MAX_CPUS * TARGETS];

static void renew(struct worker *worker)
{
	uint32_t at = random_below(&worker->random, TARGETS);
	struct held *target = &targets[worker->cpu][at];

	if (target->frame.slot)
		stamp_put(worker, *target);
	*target = stamp_alloc(worker);
	if (target->frame.slot)
		__atomic_store_n(&addresses[worker->cpu * TARGETS + at],
				 frame_paddr(target->frame).addr, __ATOMIC_RELAXED);
}

/* Whatever the frame is by now, it must not change while the reference is held. */
static void try(struct worker *worker)
{
	uint32_t at = random_below(&worker->random, worker->cpus * TARGETS);
	uint64_t address = __atomic_load_n(&addresses[at], __ATOMIC_RELAXED);
	frame_t frame = worker_get_at(worker, paddr(address));
	uint64_t serial, again;

	if (!frame.slot)
		return;
	if (stamp_check_any(worker, frame, &serial))
		for (unsigned i = 0; i < CHECKS; i++)
			worker_check(worker,
				     stamp_check_any(worker, frame, &again) && again == serial,
				     "a frame changed its owner while it was held", frame);
	worker_put(worker, frame);
}

static void race_run(struct worker *worker)
{
	while (worker_continue(worker)) {
		renew(worker);
		for (uint32_t i = random_below(&worker->random, TRIES); i > 0; i--)
			try(worker);
	}
}

WORKLOAD(race, OPTION_MIXES | OPTION_STRESSES, "references from the address against the last put",
	 .run = race_run);
