/* SPDX-License-Identifier: MPL-2.0 */
/* The difference between two states of a guest: see diff.h. */
#include "inspect/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Slots that are read at a time. */
#define CHUNK_SLOTS 4096

const char *frame_change_name(enum frame_change change)
{
	static const char *const names[FRAME_CHANGE_COUNT] = {
		[FRAME_SAME] = "same",         [FRAME_APPEARED] = "appeared",
		[FRAME_VANISHED] = "vanished", [FRAME_RETYPED] = "retyped",
		[FRAME_RECYCLED] = "recycled", [FRAME_RECOUNTED] = "recounted",
		[FRAME_OTHER] = "other",
	};

	return names[change];
}

struct side {
	const struct diff_input *input;
	struct guest_view view;
	int types[META_TYPES_MAX]; /* from the view's index to the diff's */
	struct meta_slot slots[CHUNK_SLOTS];
	bool is_written[CHUNK_SLOTS];
	uint64_t data_end; /* physical address up to which there is data, from the chunk on */
	uint64_t hole_end;
};

static int read_view(struct side *side, struct error *err)
{
	struct error why;
	int result = guest_view_read(side->input->memory, side->input->info, &side->view, &why);

	if (result < 0)
		return error_set(err, result, "%s: %s", side->input->name, why.text);
	if (side->view.slot_count == 0)
		return error_set(err, -EAGAIN, "%s: the guest has no metadata yet",
				 side->input->name);
	return 0;
}

static void add_types(struct diff *diff, struct side *side)
{
	for (unsigned i = 0; i < side->view.type_count; i++) {
		const char *name = side->view.types[i].name;
		unsigned at = 0;

		while (at < diff->type_count && strcmp(diff->types[at].name, name) != 0)
			at++;
		if (at == diff->type_count)
			memcpy(diff->types[diff->type_count++].name, name,
			       sizeof(diff->types[at].name));
		side->types[i] = (int)at;
	}
}

/* Whether the page at pa has data; *_end of the side remember the stretch that it lies in. */
static bool has_data(struct side *side, const struct memory_region *region, uint64_t pa)
{
	if (pa < side->data_end)
		return true;
	if (pa < side->hole_end)
		return false;
	uint64_t base = region->base.addr - region->fd_offset;
	uint64_t region_end = region->base.addr + region->size;
	off_t data = lseek(region->fd, (off_t)(pa - base), SEEK_DATA);

	side->hole_end = data < 0 ? region_end : (uint64_t)data + base;
	if (side->hole_end > pa)
		return false;
	off_t hole = lseek(region->fd, (off_t)(pa - base), SEEK_HOLE);

	side->data_end = hole < 0 ? region_end : (uint64_t)hole + base;
	return true;
}

/* The first slot from `first` on that may have been written; UINT64_MAX when there is none. */
static uint64_t next_written(struct side *side, uint64_t first)
{
	uint64_t pa = side->view.array.addr + first * SLOT_SIZE;

	if (first >= side->view.slot_count)
		return UINT64_MAX;
	guest_memory_read_begin();
	const struct memory_region *region =
		memory_map_find(guest_memory_map(side->input->memory), paddr(pa));
	bool is_data = region && has_data(side, region, pa);

	guest_memory_read_end();
	if (!region)
		return UINT64_MAX;
	return is_data ? first : first + (side->hole_end - pa) / SLOT_SIZE;
}

/* Reads slots [first, first + count) of a side: what was never written, or lies past its array, is marked so. */
static void read_slots(struct side *side, uint64_t first, uint64_t count)
{
	const struct guest_view *view = &side->view;
	uint64_t there = first < view->slot_count ? view->slot_count - first : 0;
	uint64_t pa = view->array.addr + first * SLOT_SIZE, step;

	memset(side->is_written, 0, sizeof(side->is_written));
	if (there > count)
		there = count;
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(side->input->memory);
	const struct memory_region *region = memory_map_find(map, paddr(pa));

	for (uint64_t i = 0; region && i < there; i += step, pa += step * SLOT_SIZE) {
		/* To the end of the page; the array may begin inside one. */
		step = (align_down(pa, PAGE_SIZE) + PAGE_SIZE - pa) / SLOT_SIZE;
		step = step > there - i ? there - i : step;
		if (has_data(side, region, pa) &&
		    guest_memory_copy(side->input->memory, paddr(pa), &side->slots[i],
				      step * SLOT_SIZE) == 0)
			memset(&side->is_written[i], true, step);
	}
	guest_memory_read_end();
}

static struct frame_side look(const struct side *side, uint64_t i)
{
	const struct meta_slot *slot = &side->slots[i];
	struct frame_side frame = {.class = FRAME_CLASS_NONE, .type = -1};

	if (!side->is_written[i])
		return frame;
	frame.references = slot_state_refs(slot->state);
	frame.generation = slot_state_generation(slot->state);
	frame.class = ref_classify(frame.references);
	if (ref_in_use(frame.references)) {
		int type = guest_view_type(&side->view, slot->vtable_ptr);

		frame.type = type < 0 ? -1 : side->types[type];
	}
	return frame;
}

static bool in_use(const struct frame_side *frame)
{
	return frame->class == REF_CLASS_SHARED || frame->class == REF_CLASS_UNIQUE;
}

static enum frame_change compare(const struct frame_side *a, const struct frame_side *b)
{
	bool is_same = a->class == b->class && a->references == b->references &&
		       a->generation == b->generation;

	if (!in_use(a) && !in_use(b))
		return is_same ? FRAME_SAME : FRAME_OTHER;
	if (!in_use(a))
		return FRAME_APPEARED;
	if (!in_use(b))
		return FRAME_VANISHED;
	if (a->type != b->type)
		return FRAME_RETYPED;
	if (a->generation != b->generation)
		return FRAME_RECYCLED;
	return is_same ? FRAME_SAME : FRAME_RECOUNTED;
}

static uint64_t references(const struct frame_side *frame)
{
	if (!in_use(frame))
		return 0;
	return frame->class == REF_CLASS_UNIQUE ? 1 : frame->references;
}

static void count(struct diff *diff, const struct diff_frame *frame)
{
	int type = frame->change == FRAME_VANISHED ? frame->a.type : frame->b.type;

	diff->changes[frame->change]++;
	diff->references_a += references(&frame->a);
	diff->references_b += references(&frame->b);
	if (frame->a.type >= 0)
		diff->types[frame->a.type].in_use_a++;
	if (frame->b.type >= 0)
		diff->types[frame->b.type].in_use_b++;
	if (type >= 0)
		diff->types[type].changes[frame->change]++;
	if (frame->change != FRAME_SAME && diff->listed < diff->limit)
		diff->list[diff->listed++] = *frame;
}

static void compare_all(struct diff *diff, struct side *a, struct side *b)
{
	uint64_t slots = diff->frames_a > diff->frames_b ? diff->frames_a : diff->frames_b;

	for (uint64_t first = 0, chunk; first < slots; first += chunk) {
		uint64_t next_a = next_written(a, first), next_b = next_written(b, first);
		uint64_t next = next_a < next_b ? next_a : next_b;

		/* An array can be said to be much longer than what was written of it. */
		if (next > first) {
			chunk = next < slots ? next - first : slots - first;
			diff->changes[FRAME_SAME] += chunk;
			continue;
		}
		chunk = slots - first < CHUNK_SLOTS ? slots - first : CHUNK_SLOTS;
		read_slots(a, first, chunk);
		read_slots(b, first, chunk);
		for (uint64_t i = 0; i < chunk; i++) {
			struct diff_frame frame = {.frame = pfn_to_paddr(pfn(first + i)),
						   .a = look(a, i),
						   .b = look(b, i)};

			frame.change = compare(&frame.a, &frame.b);
			count(diff, &frame);
		}
	}
}

int diff_make(const struct diff_input *a, const struct diff_input *b, size_t limit,
	      struct diff *diff, struct error *err)
{
	struct side *sides = calloc(2, sizeof(*sides));
	int result = 0;

	*diff = (struct diff){.limit = limit};
	diff->list = calloc(limit + 1, sizeof(diff->list[0]));
	if (!sides || !diff->list)
		result = error_set(err, -ENOMEM, "no memory to compare");
	if (result == 0) {
		sides[0].input = a;
		sides[1].input = b;
		result = read_view(&sides[0], err);
	}
	if (result == 0)
		result = read_view(&sides[1], err);
	if (result == 0) {
		diff->frames_a = sides[0].view.slot_count;
		diff->frames_b = sides[1].view.slot_count;
		add_types(diff, &sides[0]);
		add_types(diff, &sides[1]);
		compare_all(diff, &sides[0], &sides[1]);
	} else {
		diff_free(diff);
	}
	free(sides);
	return result;
}

void diff_free(struct diff *diff)
{
	free(diff->list);
	diff->list = NULL;
}
