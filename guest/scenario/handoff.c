/* SPDX-License-Identifier: MPL-2.0 */
/*
 * handoff: each processor frees what the next one allocated. Frames travel through a ring between the two, in the order
 * of their allocation, so every frame that leaves one CPU's cache enters another's.
 */
#include "workload/stamp.h"

#define RING_SIZE 512 /* a power of two */
#define BATCH     32  /* maximum number of frames passed on, or taken, at a time */

/* The processor that allocates has written up to `head`; the one that frees has read up to `tail`. */
struct ring {
	uint64_t head __attribute__((aligned(64)));
	uint64_t tail __attribute__((aligned(64)));
	struct held held[RING_SIZE];
};

static struct ring rings[MAX_CPUS];

/*
 * The release of head publishes the frame with its stamps. The acquire of tail pairs with the release in pop: the place
 * has been read and is free.
 */
static bool push(struct ring *ring, struct held held)
{
	uint64_t head = ring->head;

	if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == RING_SIZE)
		return false;
	ring->held[head % RING_SIZE] = held;
	__atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

static struct held pop(struct ring *ring)
{
	uint64_t tail = ring->tail;

	if (tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE))
		return HELD_NONE;
	struct held held = ring->held[tail % RING_SIZE];

	__atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
	return held;
}

static void give(struct worker *worker, struct ring *ring)
{
	for (uint32_t i = random_below(&worker->random, BATCH) + 1; i > 0; i--) {
		struct held held = stamp_alloc(worker);

		if (!held.frame.slot)
			return;
		if (!push(ring, held)) {
			stamp_put(worker, held);
			return;
		}
	}
}

static void take(struct worker *worker, struct ring *ring)
{
	for (uint32_t i = random_below(&worker->random, BATCH) + 1; i > 0; i--) {
		struct held held = pop(ring);

		if (!held.frame.slot)
			return;
		stamp_put(worker, held);
	}
}

static void handoff_run(struct worker *worker)
{
	struct ring *to = &rings[worker->cpu];
	struct ring *from = &rings[(worker->cpu + 1) % worker->cpus];

	while (worker_continue(worker))
		if (random_below(&worker->random, 2))
			give(worker, to);
		else
			take(worker, from);
}

WORKLOAD(handoff, OPTION_MIXES | OPTION_STRESSES, "one CPU allocates, another frees",
	 .run = handoff_run);
