/* SPDX-License-Identifier: MPL-2.0 */
/* Slots as frames: what every kind says of a frame, made of a slot or of a state alone. */
#ifndef VMM_CLASSIFY_H
#define VMM_CLASSIFY_H

#include <pagevisor/slot.h>

#include "kind/kind.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"

/* The states of this kind are enum ref_class, by its values. */
extern const struct frame_state slot_states[REF_CLASS_COUNT];

/*
 * A shared frame has as many references as its count says, a unique one has one, and a count that no operation makes is
 * handed on as it stands; others have none.
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

/* A copy of a slot as the record that it is of. */
void record_of_copy(const struct slot_copy *copy, void *record);

/* As struct kind has it. */
void classify_slots(const struct guest_view *view, const struct meta_slot *slots, uint64_t count,
		    enum frame_detail detail, struct frame *frames, void *copies,
		    struct read_counters *counters);

#endif
