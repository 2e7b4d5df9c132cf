/* SPDX-License-Identifier: MPL-2.0 */
/* A snapshot of a source: see source_snapshot.h. */
#include "source/source_snapshot.h"

#include <errno.h>

#include "kind/life.h"
#include "kind/registry.h"

static void find_describing(void *context, const struct guest_memory *memory,
			    struct memory_ranges *ranges)
{
	const struct source *source = context;

	*ranges = (struct memory_ranges){0};
	guest_describing_memory(memory, &source->hints, ranges);
}

/* They are copied in the pause, some four microseconds a page. */
#define MORE_SIZE_MAX (UINT64_C(256) << 20)

/*
 * Pages that tell classes apart, and names. What is copied anyway is no part of it. Without it a copy has none, and is one all the
 * same. Returns the bytes of names that are too many, and then has none.
 */
static uint64_t find_more(const struct source *source, bool has_names, struct page_set *pages)
{
	struct memory_ranges described;
	struct error ignored;
	uint64_t size;

	if (page_set_begin(pages, &source->memory, &ignored) < 0)
		return 0;
	guest_naming_memory(&source->memory, &source->hints, has_names, pages);
	find_describing((void *)source, &source->memory, &described);
	for (unsigned i = 0; i < described.count; i++)
		page_set_remove(pages, described.list[i].base, described.list[i].size);
	size = page_set_bytes(pages);
	if (size <= MORE_SIZE_MAX)
		return 0;
	page_set_end(pages);
	if (has_names)
		find_more(source, false, pages);
	return size;
}

/* The guest must be the same, and as far, at the end of a pause as at its beginning. */
struct pause_guard {
	const struct source *source;
	struct guest
		*guest; /* found before the pause, which it would lengthen; NULL: there was none */
	int result;     /* when the pause began */
	struct guest_life life;
};

/* A guest that does not describe itself yet may do so after a reset alone. */
static void find_guest(struct pause_guard *guard)
{
	struct error ignored;

	if (guest_find(&guard->source->memory, &guard->source->hints, &guard->guest, &ignored) < 0)
		guard->guest = NULL;
}

static int read_life(struct pause_guard *guard, struct guest_life *life)
{
	struct error ignored;

	return guard->guest ? guest_life_read(guard->guest, life, &ignored) : -EAGAIN;
}

static int guard_pause(void *context, bool is_end, struct error *err)
{
	struct pause_guard *guard = context;
	struct guest_life life = {0};

	if (!is_end) {
		guard->result = read_life(guard, &guard->life);
		return 0;
	}
	int result = read_life(guard, &life);

	if (result == guard->result && (result < 0 || (life.boot_id == guard->life.boot_id &&
						       life.position == guard->life.position)))
		return 0;
	return error_set(err, -EAGAIN,
			 "the guest of %s was reset, loaded or resumed by somebody else during the "
			 "pause: no instant to copy; try again",
			 guard->source->name);
}

int source_snapshot(const struct source *source, enum snapshot_content content,
		    const struct snapshot_options *options, struct snapshot *snapshot,
		    struct error *err)
{
	struct page_set names = {0};
	const struct snapshot_plan metadata = {find_describing, (void *)source, &names};

	if (!source->hints.has_info && content != SNAPSHOT_ALL_MEMORY)
		return error_set(
			err, -EPROTO,
			source->is_live
				? "the kernel of %s has no pagevisor note: only a copy of all memory is possible"
				: "no guest of a known kind is in the memory of %s: only a copy of all memory is possible",
			source->name);
	struct pause_guard guard = {.source = source};
	struct snapshot_options guarded = *options;
	uint64_t left_out = 0;

	find_guest(&guard);
	if (content != SNAPSHOT_ALL_MEMORY)
		left_out = find_more(source, content == SNAPSHOT_NAMES, &names);
	guarded.guard = guard_pause;
	guarded.guard_context = &guard;
	int result = snapshot_make(&source->memory, source_control(source),
				   content == SNAPSHOT_ALL_MEMORY ? NULL : &metadata, &guarded,
				   snapshot, err);

	if (result == 0)
		snapshot->facts.names_left_out = left_out;
	/* A copy has no more than its source. */
	if (result == 0 && !source->has_all_memory)
		snapshot->facts.all_memory = false;
	guest_free(guard.guest);
	page_set_end(&names);
	return result;
}
