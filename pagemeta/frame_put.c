/* SPDX-License-Identifier: MPL-2.0 */
/* The drop of frames, and the queue of those that wait for theirs. See frame_put.h. */
#include "frame_put.h"

#include "frame_reader.h"
#include "irq.h"

/*
 * Pending drops, one stack for each CPU, which an interrupt handler of that CPU may use, too (debug.h): what changes it
 * is bracketed by irq_save. An on_drop that puts the last reference to another frame leaves that frame
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

static void destroy(struct meta_slot *slot, const struct meta_type *type, uint64_t busy)
{
	call_on_drop(slot, type);
	frame_retire(slot, busy);
}

/*
 * Makes the caller the one that runs drops on this CPU. False if a run is already in progress; the frame, if any,
 * joins its queue.
 */
static bool drop_queue_begin(struct drop_queue *queue, struct meta_slot *slot,
			     const struct meta_type *type)
{
	uint64_t irq = irq_save();
	bool was_running = queue->running;

	if (was_running && slot)
		drop_queue_push(queue, slot, type);
	queue->running = true;
	irq_restore(irq);
	return !was_running;
}

/* Destroys the waiting frames, and those that are added meanwhile. Ends what drop_queue_begin began. */
static void drop_queue_drain(struct drop_queue *queue)
{
	for (;;) {
		const struct meta_type *type = NULL;
		uint64_t irq = irq_save();
		struct meta_slot *slot = queue->first ? drop_queue_pop(queue, &type) : NULL;

		queue->running = slot != NULL;
		irq_restore(irq);
		if (!slot)
			return;
		destroy(slot, type, slot_word_load(&slot->state));
	}
}

static void drop_queued(struct meta_slot *slot, const struct meta_type *type, uint64_t busy)
{
	struct drop_queue *queue = &drop_queues[platform_cpu()];

	if (!drop_queue_begin(queue, slot, type))
		return;
	destroy(slot, type, busy);
	drop_queue_drain(queue);
}

/* The initial value: not the address of a type, and not a value that a stray store leaves in a slot. */
#define NO_QUIET_TYPE ((uint64_t)(uintptr_t)frame_quiet_types)

struct quiet_type frame_quiet_types[PLATFORM_MAX_CPUS] = {
	[0 ... PLATFORM_MAX_CPUS - 1] = {NO_QUIET_TYPE},
};

const struct meta_type *frame_type_to_drop(const struct meta_slot *slot, uint64_t vtable_ptr)
{
	const struct meta_type *type = (const struct meta_type *)(uintptr_t)vtable_ptr;

	if (!meta_type_is_valid(vtable_ptr))
		slot_abort(slot, "drop of a frame with a wild vtable pointer", slot_load(slot));
	if (type->is_permanent)
		slot_abort(slot, "drop of a frame of a permanent type", slot_load(slot));
	return type;
}

void frame_drop_any(struct meta_slot *slot, uint64_t vtable_ptr, uint64_t busy)
{
	const struct meta_type *type = frame_type_to_drop(slot, vtable_ptr);

	if (type->on_drop) {
		drop_queued(slot, type, busy);
		return;
	}
	frame_quiet_types[platform_cpu()].vtable_ptr = vtable_ptr;
	frame_retire(slot, busy);
}

void frame_run_on_drop(struct meta_slot *slot, const struct meta_type *type)
{
	struct drop_queue *queue = &drop_queues[platform_cpu()];

	bool first = drop_queue_begin(queue, NULL, NULL);

	call_on_drop(slot, type);
	if (first)
		drop_queue_drain(queue);
}
