/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For how long free frames have been free: four bytes a frame. A frame ages by one with each sweep that finds its
 * whole state word as the sweep before did: unused, and of the same generation. The generation moves when a frame
 * is claimed, and not when it is freed, so a frame that was held for an hour and is free since a moment has age 1,
 * not more.
 *
 * 24 bits of the generation are kept. A frame that is claimed 16 million times between two sweeps looks idle; that
 * costs its owner a fault, and nothing else. Used by one thread.
 */
#ifndef VMM_AGES_H
#define VMM_AGES_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/slot.h>

#include "base/error.h"

#define AGE_COLD 2 /* of a frame that two sweeps have found free, and nobody used it between them */

struct ages {
	uint32_t *words; /* generation, age */
	uint64_t frames;
	uint64_t swept_ns;   /* when the last sweep began; 0: there was none */
	uint64_t spacing_ns; /* all sweeps that count were at least so far apart */
};

/* For frames 0 .. frames - 1. Returns 0 or -ENOMEM. */
int ages_init(struct ages *ages, uint64_t frames, struct error *err);
void ages_destroy(struct ages *ages);

/*
 * When a sweep may be made after which a cold frame has been free for `older_ns`. Forgets ages that are worth less.
 */
uint64_t ages_due_ns(struct ages *ages, uint64_t older_ns);

/* No frame has an age any more. */
void ages_forget_all(struct ages *ages);

/* A sweep begins now. */
void ages_begin(struct ages *ages, uint64_t older_ns, uint64_t now_ns);

static inline uint32_t ages_of_state(uint64_t state, uint32_t age)
{
	return slot_state_generation(state) << 8 | age;
}

/* Whether the frame was unused at two sweeps, and is so now, in the same generation. */
static inline bool ages_is_cold(const struct ages *ages, uint64_t frame, uint64_t state)
{
	uint32_t word = ages->words[frame];

	return slot_state_refs(state) == REF_UNUSED && (word & 0xff) >= AGE_COLD &&
	       (word & ~0xffu) == ages_of_state(state, 0);
}

/* The sweep meets the frame in this state. */
static inline void ages_meet(struct ages *ages, uint64_t frame, uint64_t state)
{
	uint32_t word = ages->words[frame], age = word & 0xff;

	if (slot_state_refs(state) != REF_UNUSED)
		age = 0;
	else if (age > 0 && (word & ~0xffu) == ages_of_state(state, 0))
		age += age < 0xff;
	else
		age = 1;
	/* What was never free is not written: the kernel gives it no page. */
	if (age > 0 || word)
		ages->words[frame] = age ? ages_of_state(state, age) : 0;
}

/* The host has let go of the frame. */
static inline void ages_forget(struct ages *ages, uint64_t frame)
{
	ages->words[frame] = 0;
}

#endif
