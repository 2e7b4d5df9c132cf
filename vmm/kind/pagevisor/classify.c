/* SPDX-License-Identifier: MPL-2.0 */
/* Slots as frames: see classify.h. */
#include "kind/pagevisor/classify.h"

#include <string.h>

const struct frame_state slot_states[REF_CLASS_COUNT] = {
	[REF_CLASS_UNUSED] = {.name = "unused", .letter = '.', .tone = TONE_FREE},
	[REF_CLASS_BUSY] = {.name = "busy",
			    .letter = '?',
			    .tone = TONE_TRANSIENT,
			    .is_transient = true},
	[REF_CLASS_SHARED] = {.name = "shared",
			      .letter = 'S',
			      .tone = TONE_SHARED,
			      .is_in_use = true,
			      .has_count = true},
	[REF_CLASS_UNIQUE] = {.name = "unique",
			      .letter = 'U',
			      .tone = TONE_OWNED,
			      .is_in_use = true},
	[REF_CLASS_HOST] = {.name = "host", .letter = '#', .tone = TONE_HOST},
	[REF_CLASS_ILLEGAL] = {.name = "illegal",
			       .letter = '!',
			       .tone = TONE_BROKEN,
			       .has_count = true,
			       .is_broken = true},
};

_Static_assert(REF_CLASS_COUNT <= FRAME_STATES_MAX, "all states have a place");
_Static_assert(META_TYPES_MAX <= FRAME_TYPES_MAX, "all types have a place");

void record_of_copy(const struct slot_copy *copy, void *record)
{
	struct meta_slot slot = {.state = copy->state, .vtable_ptr = copy->vtable_ptr};

	memcpy(slot.storage, copy->storage, sizeof(slot.storage));
	memcpy(record, &slot, sizeof(slot));
}

/* Classifies a slot in more detail than its state. */
static void classify_in_use(const struct guest_view *view, const struct meta_slot *slot,
			    struct frame *frame, void *record, struct read_counters *counters)
{
	struct slot_copy copy;

	switch (slot_read(slot, &copy, counters)) {
	case SLOT_READ_OK:
		*frame = frame_of_copy(view, &copy);
		if (record)
			record_of_copy(&copy, record);
		break;
	case SLOT_READ_NOT_IN_USE:
		*frame = frame_of_state(copy.state, FRAME_TYPE_NONE);
		break;
	case SLOT_READ_UNSTABLE:
		*frame = (struct frame){.type = FRAME_TYPE_NONE, .state = FRAME_UNSTABLE};
		break;
	}
}

void classify_slots(const struct guest_view *view, const struct meta_slot *slots, uint64_t count,
		    enum frame_detail detail, struct frame *frames, void *copies,
		    struct read_counters *counters)
{
	counters->slots += count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t state = slot_read_state(&slots[i]);

		if (detail == DETAIL_STATE || !ref_in_use(slot_state_refs(state)))
			frames[i] = frame_of_state(state, FRAME_TYPE_NONE);
		else
			classify_in_use(view, &slots[i], &frames[i],
					copies ? (uint8_t *)copies + i * SLOT_SIZE : NULL,
					counters);
	}
}
