/* SPDX-License-Identifier: MPL-2.0 */
/* Frames with metadata: claim by address, get by address, and the way out. See frame.h. */
#include "frame.h"

#include <string.h>

#include "frame_reader.h"

uint64_t meta_max_paddr;

_Noreturn void slot_abort(const struct meta_slot *slot, const char *what, uint64_t state)
{
	platform_abort(what, meta_to_frame(slot), state);
}

enum frame_error frame_claim_error(const struct meta_slot *slot, enum ref_class found)
{
	switch (found) {
	case REF_CLASS_BUSY:
		return FRAME_BUSY;
	case REF_CLASS_UNIQUE:
		return FRAME_UNIQUE;
	case REF_CLASS_HOST:
		return FRAME_HOST;
	case REF_CLASS_SHARED:
		return FRAME_IN_USE;
	default:
		slot_abort(slot, "claim found an illegal state", slot_load(slot));
	}
}

enum frame_error frame_claim_as(paddr_t frame, const struct meta_type *type, const void *meta,
				uint32_t refs, frame_t *out)
{
	enum frame_error error = frame_check_address(frame);

	if (error != FRAME_OK)
		return error;

	struct meta_slot *slot = frame_to_meta(frame);

	enum ref_class found = slot_claim(slot, type, meta, type->size, refs);

	if (found != REF_CLASS_UNUSED)
		return frame_claim_error(slot, found);
	out->slot = slot;
	return FRAME_OK;
}

enum frame_error frame_claim(paddr_t frame, const struct meta_type *type, const void *meta,
			     frame_t *out)
{
	return frame_claim_as(frame, type, meta, 1, out);
}

enum frame_error frame_from_in_use(paddr_t frame, frame_t *out)
{
	enum frame_error error = frame_check_address(frame);

	if (error != FRAME_OK)
		return error;

	struct meta_slot *slot = frame_to_meta(frame);

	switch (slot_try_get(slot)) {
	case REF_CLASS_SHARED:
		out->slot = slot;
		return FRAME_OK;
	case REF_CLASS_UNUSED:
		return FRAME_UNUSED;
	case REF_CLASS_BUSY:
		return FRAME_BUSY;
	case REF_CLASS_UNIQUE:
		return FRAME_UNIQUE;
	default:
		return FRAME_HOST;
	}
}

/*
 * Pending drops, one stack for each CPU. An on_drop that puts the last reference to another frame leaves that frame
 * here instead of descending. So dropping a tree of any depth takes bounded stack.
 *
 * A waiting frame is BUSY and its on_drop still needs the metadata. So the link goes where no reader looks while a slot
 * is BUSY: vtable_ptr holds the type's index plus one (high 16 bits) and the next waiting frame. Because of the plus
 * one it never looks like the tag of a free block (free_list.h).
 */
struct drop_queue {
	bool running;
	uint64_t first; /* frame number plus one; 0: none */
} __attribute__((aligned(SLOT_SIZE)));

static struct drop_queue drop_queues[PLATFORM_MAX_CPUS];

#define DROP_TYPE_SHIFT 48
#define DROP_NEXT_MASK  ((UINT64_C(1) << DROP_TYPE_SHIFT) - 1)

static void drop_queue_push(struct drop_queue *queue, struct meta_slot *slot,
			    const struct meta_type *type)
{
	slot_word_store(&slot->vtable_ptr,
			(uint64_t)(meta_type_index(type) + 1) << DROP_TYPE_SHIFT | queue->first);
	queue->first = meta_to_pfn(slot).index + 1;
}

static struct meta_slot *drop_queue_pop(struct drop_queue *queue, const struct meta_type **type)
{
	struct meta_slot *slot = pfn_to_meta(pfn(queue->first - 1));
	uint64_t link = slot_word_load(&slot->vtable_ptr);

	*type = &__start_meta_types[(link >> DROP_TYPE_SHIFT) - 1];
	queue->first = link & DROP_NEXT_MASK;
	return slot;
}

static void call_on_drop(struct meta_slot *slot, const struct meta_type *type)
{
	struct frame_reader bytes = frame_reader_over(platform_phys_to_virt(meta_to_frame(slot)));
	uint64_t meta[SLOT_STORAGE_WORDS] __attribute__((aligned(SLOT_ALIGN_MAX)));

	for (size_t i = 0; i < SLOT_STORAGE_WORDS; i++)
		meta[i] = slot_word_load(&slot->storage[i]);
	type->on_drop(meta, &bytes);
}

static void destroy(struct meta_slot *slot, const struct meta_type *type)
{
	call_on_drop(slot, type);
	frame_retire(slot);
}

/* Destroys the waiting frames, and those that are added meanwhile. */
static void drop_queue_drain(struct drop_queue *queue)
{
	while (queue->first) {
		const struct meta_type *type;
		struct meta_slot *slot = drop_queue_pop(queue, &type);

		destroy(slot, type);
	}
}

static void drop_queued(struct meta_slot *slot, const struct meta_type *type)
{
	struct drop_queue *queue = &drop_queues[platform_cpu()];

	if (queue->running) {
		drop_queue_push(queue, slot, type);
		return;
	}
	queue->running = true;
	destroy(slot, type);
	drop_queue_drain(queue);
	queue->running = false;
}

/* The initial value: not the address of a type, and not a value that a stray store leaves in a slot. */
#define NO_QUIET_TYPE ((uint64_t)(uintptr_t)frame_quiet_types)

struct quiet_type frame_quiet_types[PLATFORM_MAX_CPUS] = {
	[0 ... PLATFORM_MAX_CPUS - 1] = {NO_QUIET_TYPE},
};

void frame_drop_any(struct meta_slot *slot, uint64_t vtable_ptr)
{
	const struct meta_type *type = (const struct meta_type *)(uintptr_t)vtable_ptr;

	if (!meta_type_is_valid(vtable_ptr))
		slot_abort(slot, "drop of a frame with a wild vtable pointer", slot_load(slot));
	if (type->on_drop) {
		drop_queued(slot, type);
		return;
	}
	frame_quiet_types[platform_cpu()].vtable_ptr = vtable_ptr;
	frame_retire(slot);
}

void frame_run_on_drop(struct meta_slot *slot, const struct meta_type *type)
{
	struct drop_queue *queue = &drop_queues[platform_cpu()];

	if (queue->running) {
		call_on_drop(slot, type);
		return;
	}
	queue->running = true;
	call_on_drop(slot, type);
	drop_queue_drain(queue);
	queue->running = false;
}
