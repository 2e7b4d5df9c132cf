/* SPDX-License-Identifier: MPL-2.0 */
/*
 * shortage: out of memory and recovery. Each processor takes frames until one is refused, gives some of them back and
 * goes on, so that memory is full most of the time. It frees all its frames before another workload's turn.
 */
#include "scenario/chain.h"

#define GIVEN_PARTS 8  /* after a refusal it frees all, or a half, a third and so on */
#define BATCH       16 /* frames taken, or given back, in a step */

static struct chain chains[MAX_CPUS];
static uint64_t to_give[MAX_CPUS]; /* frames still to free after a refusal */

static void step(struct worker *worker, struct chain *chain)
{
	uint64_t *giving = &to_give[worker->cpu];

	for (unsigned i = 0; i < BATCH; i++) {
		if (*giving > 0) {
			--*giving;
			chain_shrink(worker, chain);
		} else if (!chain_grow(worker, chain)) {
			*giving = chain->count / (1 + random_below(&worker->random, GIVEN_PARTS));
			return;
		}
	}
}

static void shortage_run(struct worker *worker)
{
	struct chain *chain = &chains[worker->cpu];

	while (worker_continue(worker))
		step(worker, chain);
	while (chain_shrink(worker, chain))
		;
	to_give[worker->cpu] = 0;
}

static void shortage_finish(struct worker *worker)
{
	worker_check_books(worker);
}

WORKLOAD(shortage, OPTION_MIXES | OPTION_STRESSES, "out of memory, and recovery",
	 .run = shortage_run, .finish = shortage_finish);
