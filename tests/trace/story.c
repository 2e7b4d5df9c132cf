/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A workload for the test of the trace, linked into a guest for it: a frame goes through everything that can be traced,
 * always in the same order. A separate function makes each change.
 */
#include "lib/console.h"
#include "workload/workload.h"

#define STORY __attribute__((noinline))

struct draft_page_meta {
	uint64_t life;
};
META_TYPE(draft_page);

struct final_page_meta {
	uint64_t life;
};
META_TYPE(final_page);

static STORY unique_frame_t story_claims(struct worker *worker, uint64_t life)
{
	struct draft_page_meta meta = {life};

	return worker_unique_alloc(worker, draft_page, &meta);
}

static STORY frame_t story_shares(unique_frame_t frame)
{
	return unique_share(frame);
}

static STORY frame_t story_gets(struct worker *worker, frame_t frame)
{
	return worker_get(worker, frame);
}

static STORY frame_t story_finds(struct worker *worker, paddr_t frame)
{
	return worker_get_at(worker, frame);
}

static STORY void story_puts(struct worker *worker, frame_t frame)
{
	worker_put(worker, frame);
}

static STORY bool story_unshares(frame_t frame, unique_frame_t *out)
{
	return unique_from_shared(frame, out);
}

static STORY void story_replaces(struct worker *worker, unique_frame_t frame, uint64_t life)
{
	struct final_page_meta meta = {life};

	worker_unique_replace(worker, frame, &meta_type_final_page, &meta);
}

static STORY void story_drops(struct worker *worker, unique_frame_t frame)
{
	worker_unique_drop(worker, frame);
}

static void live(struct worker *worker, uint64_t life)
{
	unique_frame_t unique = story_claims(worker, life);

	if (!unique.slot)
		return;
	if (life == 0 && worker->cpu == 0)
		kprintf("story at 0x%lx\n", (unsigned long)unique_paddr(unique).addr);

	frame_t frame = story_shares(unique);
	frame_t second = story_gets(worker, frame);
	frame_t third = story_finds(worker, frame_paddr(frame));

	story_puts(worker, third);
	story_puts(worker, second);
	worker_check(worker, story_unshares(frame, &unique), "it has a holder too many", frame);
	story_replaces(worker, unique, life);
	story_drops(worker, unique);
}

static void story_run(struct worker *worker)
{
	for (uint64_t life = 0; worker_continue(worker); life++)
		live(worker, life);
}

WORKLOAD(story, 0, "a frame that lives through everything, for the trace", .run = story_run);
