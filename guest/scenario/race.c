/* SPDX-License-Identifier: MPL-2.0 */
/*
 * race: references from the bare address against the last put. Each processor has a few frames whose addresses all
 * know; it lets them go and takes others at once, while everybody tries the addresses.
 */
#include "workload/stamp.h"

#define TARGETS 4  /* of each processor */
#define TRIES   32 /* at one go */
#define CHECKS  4  /* looks at a frame while it is held */

static struct held targets[MAX_CPUS][TARGETS];
static uint64_t
	addresses[MAX_CPUS * TARGETS]; /* of the same; relaxed: nothing but a place to try */

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

/* Whatever it is by now: as long as it is held it stays what it was when it was got. */
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

WORKLOAD(race, .run = race_run, .is_scenario = true);
