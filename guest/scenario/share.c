/* SPDX-License-Identifier: MPL-2.0 */
/*
 * share: storms of get and put on a few frames that all processors hold. Now and then the frame of a seat is replaced;
 * the old one is freed with its last reference, on whichever processor that is.
 */
#include "pagemeta/spinlock.h"
#include "workload/stamp.h"

#define SEATS 8
#define HELD  16 /* references that each processor keeps from one step to the next */
#define STORM 64 /* references taken, and put, at a time */

static struct {
	struct spinlock lock;
	struct held held;
} seats[SEATS] __attribute__((aligned(64)));

static struct held held[MAX_CPUS][HELD];

/* Takes a reference to the frame of a seat. The lock keeps the seat's own reference alive meanwhile. */
static struct held get_from_seat(struct worker *worker)
{
	uint32_t at = random_below(&worker->random, SEATS);

	spin_lock(&seats[at].lock);
	struct held found = seats[at].held;

	if (found.frame.slot)
		worker_get(worker, found.frame);
	spin_unlock(&seats[at].lock);
	return found;
}

static void replace(struct worker *worker)
{
	uint32_t at = random_below(&worker->random, SEATS);
	struct held new = stamp_alloc(worker);

	spin_lock(&seats[at].lock);
	struct held old = seats[at].held;

	seats[at].held = new;
	spin_unlock(&seats[at].lock);
	if (old.frame.slot)
		stamp_put(worker, old);
}

/* Needs no lock: the holder's own reference keeps the frame. */
static void storm(struct worker *worker, struct held mine)
{
	uint32_t count = 1 + random_below(&worker->random, STORM);

	for (uint32_t i = 0; i < count; i++)
		worker_get(worker, mine.frame);
	worker_check(worker, frame_references(mine.frame) > count, "fewer references than are held",
		     mine.frame);
	for (uint32_t i = 0; i < count; i++)
		worker_put(worker, mine.frame);
}

static void step(struct worker *worker)
{
	struct held *mine = &held[worker->cpu][random_below(&worker->random, HELD)];

	if (!mine->frame.slot) {
		*mine = get_from_seat(worker);
		if (!mine->frame.slot)
			replace(worker);
		return;
	}
	switch (random_below(&worker->random, 8)) {
	case 0:
		replace(worker);
		break;
	case 1:
	case 2:
		stamp_put(worker, *mine);
		*mine = HELD_NONE;
		break;
	default:
		storm(worker, *mine);
		stamp_check(worker, *mine);
	}
}

static void share_run(struct worker *worker)
{
	while (worker_continue(worker))
		step(worker);
}

WORKLOAD(share, OPTION_MIXES | OPTION_STRESSES,
	 "storms of get and put on frames that all CPUs hold", .run = share_run);
