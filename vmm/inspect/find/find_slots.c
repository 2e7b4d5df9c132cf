/* SPDX-License-Identifier: MPL-2.0 */
/* Searching the metadata array: see find_slots.h. */
#include "inspect/find/find_slots.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kind/pagevisor/slot_walk.h"

struct finder {
	const struct guest_view *view;
	const struct find_options *options;
	struct find_result *result;
	uint64_t handed_out;
	/* The chunk at hand. */
	struct find_result chunk;
	uint64_t kept_count;
	struct found_slot *kept; /* SLOT_WALK_CHUNK, or NULL when nothing is handed out */
};

static void begin_chunk(void *own)
{
	struct finder *finder = own;

	finder->chunk = (struct find_result){0};
	finder->kept_count = 0;
}

static bool is_wanted(const struct finder *finder)
{
	return finder->handed_out + finder->kept_count < finder->options->limit;
}

static bool matches(const struct finder *finder, const struct found_slot *slot)
{
	const struct expression_slot seen = {.frame = slot->frame,
					     .state = slot->state,
					     .type = slot->type,
					     .storage = slot->copy.storage};

	return expression_matches(finder->options->expression, &seen);
}

/* Takes the copy; false when the slot is given up. */
static bool complete(struct finder *finder, const struct meta_slot *slot, struct found_slot *found)
{
	enum slot_read_result result = slot_read(slot, &found->copy, &finder->chunk.reads);
	int type;

	if (result == SLOT_READ_UNSTABLE)
		return false;
	found->state = found->copy.state;
	if (result == SLOT_READ_OK) {
		type = guest_view_type(finder->view, found->copy.vtable_ptr);
		found->type = type < 0 ? SLOT_TYPE_WILD : type;
	}
	return true;
}

static void look_at(struct finder *finder, const struct meta_slot *slot, struct found_slot *found)
{
	bool needs_slot = finder->options->expression->needs_slot;

	found->state = slot_read_state(slot);
	found->type = SLOT_TYPE_NONE;
	if (needs_slot && ref_in_use(slot_state_refs(found->state)) &&
	    !complete(finder, slot, found))
		return;
	if (!matches(finder, found))
		return;
	if (is_wanted(finder)) {
		/* What the state alone answered is asked again of the copy: meanwhile the slot may have changed. */
		if (!needs_slot && (!complete(finder, slot, found) || !matches(finder, found)))
			return;
		finder->kept[finder->kept_count++] = *found;
	}
	finder->chunk.matches++;
}

static void look_at_slots(void *own, const struct meta_slot *slots, pfn_t first, uint64_t count)
{
	struct finder *finder = own;
	struct found_slot found;

	finder->chunk.reads.slots += count;
	for (uint64_t i = 0; i < count; i++) {
		found.frame = pfn(first.index + i);
		look_at(finder, &slots[i], &found);
	}
}

static void count_hole(void *own, pfn_t first, uint64_t count)
{
	struct finder *finder = own;

	(void)first;
	finder->chunk.holes += count;
}

static void count_unstable(void *own, pfn_t first, uint64_t count)
{
	struct finder *finder = own;

	(void)first;
	finder->chunk.reads.slots += count;
	finder->chunk.reads.unstable += count;
}

static void count_retried(void *own, uint64_t copies)
{
	struct finder *finder = own;

	finder->chunk.reads.retries += copies;
}

static int keep_chunk(void *own)
{
	struct finder *finder = own;
	struct find_result *result = finder->result;

	result->matches += finder->chunk.matches;
	result->holes += finder->chunk.holes;
	read_counters_add(&result->reads, &finder->chunk.reads);
	for (uint64_t i = 0; i < finder->kept_count; i++)
		finder->options->found(finder->options->own, &finder->kept[i]);
	finder->handed_out += finder->kept_count;
	return 0;
}

static int lose_chunk(void *own, pfn_t first, uint64_t count)
{
	struct finder *finder = own;

	(void)first;
	finder->result->reads.slots += count;
	finder->result->reads.unstable += count;
	return 0;
}

int find_slots(const struct guest_memory *memory, const struct guest_view *view,
	       const struct find_options *options, struct find_result *result)
{
	static const struct slot_visitor visitor = {
		.begin = begin_chunk,
		.slots = look_at_slots,
		.hole = count_hole,
		.unstable = count_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct finder finder = {.view = view, .options = options, .result = result};
	uint64_t start = clock_now_ns();

	*result = (struct find_result){0};
	if (options->limit > 0) {
		finder.kept = malloc(SLOT_WALK_CHUNK * sizeof(*finder.kept));
		if (!finder.kept)
			return -ENOMEM;
	}
	int code = slot_walk(memory, view, &visitor, &finder);

	free(finder.kept);
	result->duration_ns = clock_now_ns() - start;
	return code;
}
