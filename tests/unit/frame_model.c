/* SPDX-License-Identifier: MPL-2.0 */
/* The plain model of frames with metadata: see frame_model.h. */
#include "unit/frame_model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pagemeta/frame_put.h"
#include "pagemeta/frame_reader.h"
#include "pagemeta/meta_init.h"
#include "unit/fixture.h"

struct frame_model model;

/* Frames whose slots the current operation changes; may contain duplicates. */
static struct {
	unsigned count;
	bool overflown; /* too many to list: check all */
	uint64_t frames[MODEL_FRAMES_MAX];
} touched;

static unsigned drops_running;

static void check_drop(const void *meta, struct frame_reader *bytes);

static void full_drop(void *meta, struct frame_reader *bytes)
{
	drops_running++;
	check_drop(meta, bytes);
	drops_running--;
}

static void tree_drop(void *meta, struct frame_reader *bytes)
{
	const struct tree_meta *tree = meta;

	drops_running++;
	check_drop(meta, bytes);
	for (unsigned i = 0; i < TREE_KIDS; i++)
		if (tree->kids[i])
			frame_put((frame_t){(struct meta_slot *)(uintptr_t)tree->kids[i]});
	drops_running--;
}

META_TYPE_OF(model_plain, struct plain_meta);
META_TYPE_OF(model_odd, struct odd_meta);
META_TYPE_OF(model_full, struct full_meta, .on_drop = full_drop);
META_TYPE_OF(model_tree, struct tree_meta, .on_drop = tree_drop);

const struct meta_type *const model_types[MODEL_TYPE_COUNT] = {
	[MODEL_PLAIN] = &meta_type_model_plain,
	[MODEL_ODD] = &meta_type_model_odd,
	[MODEL_FULL] = &meta_type_model_full,
	[MODEL_TREE] = &meta_type_model_tree,
};

_Noreturn void model_differs(const char *format, ...)
{
	va_list arguments;

	fputc('\n', stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fflush(stderr);
	_exit(MODEL_EXIT_DIFFERS);
}

void model_touch(uint64_t frame)
{
	if (touched.count == MODEL_FRAMES_MAX)
		touched.overflown = true;
	else
		touched.frames[touched.count++] = frame;
}

static bool is_free(const struct model_frame *frame)
{
	return frame->place == PLACE_ALLOCATOR && frame->class == REF_CLASS_UNUSED;
}

/* The only function that changes who has a frame. */
static void move(uint64_t index, enum frame_place place, enum ref_class class)
{
	struct model_frame *frame = &model.frames[index];

	model.free -= is_free(frame);
	frame->place = place;
	frame->class = class;
	model.free += is_free(frame);
	model_touch(index);
}

static void move_class(uint64_t index, enum ref_class class)
{
	move(index, model.frames[index].place, class);
}

void model_init(const struct region_list *partition, uint64_t end, uint64_t taken, uint64_t outside)
{
	memset(&model, 0, sizeof(model));
	memset(&touched, 0, sizeof(touched));
	model.count = end / PAGE_SIZE;
	for (uint64_t index = 0; index < model.count; index++) {
		const struct region *region = region_at(partition, index * PAGE_SIZE);
		struct model_frame *frame = &model.frames[index];

		/* The array is filled with 0xff, so each generation is the last one before 0. */
		*frame = (struct model_frame){.generation = UINT32_MAX};
		if (region->kind == REGION_USABLE) {
			move(index,
			     index < taken     ? PLACE_ALLOCATOR
			     : index < outside ? PLACE_TAKEN
					       : PLACE_OUTSIDE,
			     REF_CLASS_UNUSED);
			model.managed += index < outside;
			continue;
		}

		const uint64_t bounds[SLOT_STORAGE_WORDS] = {region->start, region->end};

		model_claim(index, region_type(region->kind), bounds, 1);
	}
}

static void set_meta(struct model_frame *frame, const struct meta_type *type, const uint64_t *meta)
{
	frame->type = type;
	memcpy(frame->meta, meta, sizeof(frame->meta));
}

void model_claim(uint64_t index, const struct meta_type *type, const uint64_t *meta, uint32_t refs)
{
	struct model_frame *frame = &model.frames[index];

	frame->generation++;
	frame->refs = 1;
	set_meta(frame, type, meta);
	move_class(index, refs == REF_UNIQUE ? REF_CLASS_UNIQUE : REF_CLASS_SHARED);
}

void model_get(uint64_t index)
{
	model.frames[index].refs++;
	model_touch(index);
}

/* Gives the frame, and everything that only it holds, back to the allocator, whatever place they had before. */
static void drop(uint64_t first)
{
	uint64_t waiting[MODEL_FRAMES_MAX];
	unsigned count = 0;

	waiting[count++] = first;
	while (count) {
		uint64_t index = waiting[--count];
		struct model_frame *frame = &model.frames[index];
		const struct tree_meta *tree = (const struct tree_meta *)frame->meta;

		frame->drop_expected = frame->type->on_drop != NULL;
		move(index, PLACE_ALLOCATOR, REF_CLASS_UNUSED);
		for (unsigned i = 0; frame->type == &meta_type_model_tree && i < TREE_KIDS; i++) {
			if (!tree->kids[i])
				continue;

			uint64_t kid = meta_to_pfn((void *)(uintptr_t)tree->kids[i]).index;

			model_touch(kid);
			if (--model.frames[kid].refs == 0)
				waiting[count++] = kid;
		}
	}
}

bool model_put(uint64_t index)
{
	model_touch(index);
	if (--model.frames[index].refs != 0)
		return false;
	drop(index);
	return true;
}

void model_unique_drop(uint64_t index)
{
	drop(index);
}

void model_reset(uint64_t index)
{
	move(index, PLACE_TAKEN, REF_CLASS_UNUSED);
}

bool model_has_kids(uint64_t index)
{
	const struct tree_meta *tree = (const struct tree_meta *)model.frames[index].meta;

	for (unsigned i = 0; i < TREE_KIDS; i++)
		if (tree->kids[i])
			return true;
	return false;
}

void model_share(uint64_t index)
{
	model.frames[index].refs = 1;
	move_class(index, REF_CLASS_SHARED);
}

bool model_unshare(uint64_t index)
{
	model_touch(index);
	if (model.frames[index].refs != 1)
		return false;
	move_class(index, REF_CLASS_UNIQUE);
	return true;
}

void model_change_begin(uint64_t index)
{
	model.frames[index].generation++;
	move_class(index, REF_CLASS_BUSY);
}

void model_change_end(uint64_t index, const struct meta_type *type, const uint64_t *meta)
{
	set_meta(&model.frames[index], type, meta);
	move_class(index, REF_CLASS_UNIQUE);
}

bool model_host_claim(uint64_t index)
{
	model_touch(index);
	if (model.frames[index].class != REF_CLASS_UNUSED)
		return false;
	model.frames[index].generation++;
	move_class(index, REF_CLASS_HOST);
	return true;
}

bool model_host_release(uint64_t index)
{
	model_touch(index);
	if (model.frames[index].class != REF_CLASS_HOST)
		return false;
	move_class(index, REF_CLASS_UNUSED);
	return true;
}

void model_give(uint64_t first, uint64_t count)
{
	for (uint64_t index = first; index < first + count; index++)
		move(index, PLACE_ALLOCATOR, model.frames[index].class);
}

void model_add(uint64_t first, uint64_t count)
{
	model_give(first, count);
	model.managed += count;
}

enum frame_error model_expects(uint64_t address, bool claim)
{
	if (address % PAGE_SIZE)
		return FRAME_NOT_ALIGNED;
	if (address >= model.count * PAGE_SIZE)
		return FRAME_OUT_OF_BOUND;
	switch (model.frames[address / PAGE_SIZE].class) {
	case REF_CLASS_UNUSED:
		return claim ? FRAME_OK : FRAME_UNUSED;
	case REF_CLASS_SHARED:
		return claim ? FRAME_IN_USE : FRAME_OK;
	case REF_CLASS_BUSY:
		return FRAME_BUSY;
	case REF_CLASS_UNIQUE:
		return FRAME_UNIQUE;
	default:
		return FRAME_HOST;
	}
}

/* Called from on_drop. Checks that it runs for the right frame, once, not nested, while busy, with its metadata. */
static void check_drop(const void *meta, struct frame_reader *bytes)
{
	uint64_t index;
	frame_t got;

	frame_reader_read(bytes, &index, sizeof(index));
	if (index >= model.count || !model.frames[index].drop_expected)
		model_differs("on_drop of frame %" PRIu64 ", which nobody dropped", index);

	struct model_frame *frame = &model.frames[index];

	frame->drop_expected = false;
	if (drops_running != 1)
		model_differs("on_drop of frame %" PRIu64 " runs inside another", index);
	if (memcmp(meta, frame->meta, frame->type->size) != 0)
		model_differs("on_drop of frame %" PRIu64 " got other metadata", index);
	if (frame_from_in_use(paddr(index * PAGE_SIZE), &got) != FRAME_BUSY)
		model_differs("frame %" PRIu64 " is not busy in its on_drop", index);
}

static uint32_t expected_refs(const struct model_frame *frame)
{
	switch (frame->class) {
	case REF_CLASS_SHARED:
		return frame->refs;
	case REF_CLASS_BUSY:
		return REF_BUSY;
	case REF_CLASS_UNIQUE:
		return REF_UNIQUE;
	case REF_CLASS_HOST:
		return REF_HOST;
	default:
		return REF_UNUSED;
	}
}

static void check_frame(uint64_t index)
{
	const struct model_frame *frame = &model.frames[index];
	const struct meta_slot *slot = pfn_to_meta(pfn(index));
	uint32_t refs = slot_state_refs(slot->state);
	uint32_t generation = slot_state_generation(slot->state);

	if (refs != expected_refs(frame))
		model_differs("frame %" PRIu64 ": references %#x (%s), the model has %#x (%s)",
			      index, refs, ref_class_name(ref_classify(refs)), expected_refs(frame),
			      ref_class_name(frame->class));
	if (generation != frame->generation)
		model_differs("frame %" PRIu64 ": generation %#x, the model has %#x", index,
			      generation, frame->generation);
	if (frame->drop_expected)
		model_differs("frame %" PRIu64 ": its on_drop never ran", index);
	if (frame->class == REF_CLASS_UNUSED || frame->class == REF_CLASS_HOST)
		return;
	if (slot->vtable_ptr != (uintptr_t)frame->type)
		model_differs("frame %" PRIu64 ": vtable_ptr %#" PRIx64 ", the model has %s", index,
			      slot->vtable_ptr, frame->type->name);
	if (memcmp(slot->storage, frame->meta, frame->type->size) != 0)
		model_differs("frame %" PRIu64 ": other metadata than the model", index);
}

void model_check_touched(void)
{
	if (touched.overflown) {
		model_check_all();
		return;
	}
	for (unsigned i = 0; i < touched.count; i++)
		check_frame(touched.frames[i]);
	touched.count = 0;
}

void model_check_all(void)
{
	struct frame_alloc_stats stats;

	for (uint64_t index = 0; index < model.count; index++)
		check_frame(index);
	frame_alloc_read_stats(&stats);
	if (stats.managed != model.managed)
		model_differs("the allocator manages %" PRIu64 " frames, the model %" PRIu64,
			      stats.managed, model.managed);
	touched.count = 0;
	touched.overflown = false;
}
