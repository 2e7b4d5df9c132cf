/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The guarantees of guest/workload/torn.c about its slots, for outside readers: all words of the storage belong
 * together, the type belongs to them, and so does the generation where the frame's owner stored it.
 */
#ifndef TESTS_TORN_SETS_H
#define TESTS_TORN_SETS_H

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"

enum set_verdict {
	SET_WHOLE,
	SET_TORN,     /* words of different sets */
	SET_RECYCLED, /* one whole set, but of another generation than the state's */
	SET_WILD,     /* the type is not one of the workload's */
	SET_VERDICTS,
};

#define SET_TYPES        3
#define SET_TAG_KNOWN    (UINT64_C(1) << 63)
#define SET_TAG_ROTATION 17

/* Guest addresses of the descriptors of torn_shared, torn_dropped and torn_unique. */
struct set_types {
	uint64_t vtables[SET_TYPES];
};

static inline uint64_t set_rotate(uint64_t word)
{
	return word << SET_TAG_ROTATION | word >> (64 - SET_TAG_ROTATION);
}

static inline enum set_verdict set_judge(const struct slot_copy *copy,
					 const struct set_types *types)
{
	const uint64_t *word = copy->storage;
	uint64_t tag = word[5] ^ set_rotate(word[4]);
	unsigned type = 0;

	while (type < SET_TYPES && types->vtables[type] != copy->vtable_ptr)
		type++;
	if (type == SET_TYPES)
		return SET_WILD;
	if (word[0] != (word[1] ^ word[2]) || word[4] != ~word[0] ||
	    word[3] != word[0] * (2 * (type + 1) + 1))
		return SET_TORN;
	if (tag == 0 || tag == (SET_TAG_KNOWN | slot_state_generation(copy->state)))
		return SET_WHOLE;
	/* Only a tag with the right upper half holds a generation; any other is torn. */
	return tag >> 32 == SET_TAG_KNOWN >> 32 ? SET_RECYCLED : SET_TORN;
}

#endif
