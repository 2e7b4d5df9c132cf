/* SPDX-License-Identifier: MPL-2.0 */
/* Slots as frames: makes a struct frame from a slot, or from its state alone. */
#ifndef VMM_CLASSIFY_H
#define VMM_CLASSIFY_H

#include <pagevisor/slot.h>

#include "kind/kind.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"

/* The states of this kind, indexed by enum ref_class. */
extern const struct frame_state slot_states[REF_CLASS_COUNT];

/*
 * A shared frame has as many references as its count says; a unique one has one. An illegal count is passed on
 * unchanged. Other frames have no references.
 */
static inline struct frame frame_of_state(uint64_t state, int type)
{
	uint32_t refs = slot_state_refs(state);
	enum ref_class class = ref_classify(refs);
	bool counts = class == REF_CLASS_SHARED || class == REF_CLASS_ILLEGAL;

	return (struct frame){
		.references = counts ? refs : class == REF_CLASS_UNIQUE,
		.generation = slot_state_generation(state),
		.type = (int16_t)type,
		.state = (uint8_t) class,
	};
}

/* The frame of a consistent copy of a slot in use. */
static inline struct frame frame_of_copy(const struct guest_view *view,
					 const struct slot_copy *copy)
{
	int type = guest_view_type(view, copy->vtable_ptr);

	return frame_of_state(copy->state, type < 0 ? FRAME_TYPE_WILD : type);
}

/* Makes a record from a copy of a slot. */
void record_of_copy(const struct slot_copy *copy, void *record);

/* Implements `classify` of struct kind. */
void classify_slots(const struct guest_view *view, const struct meta_slot *slots, uint64_t count,
		    enum frame_detail detail, struct frame *frames, void *copies,
		    struct read_counters *counters);

#endif
