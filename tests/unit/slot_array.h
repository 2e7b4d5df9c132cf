/* SPDX-License-Identifier: MPL-2.0 */
/* A metadata array in guest memory, without the rest of a guest: for tests of code that reads whole arrays. */
#ifndef TESTS_UNIT_SLOT_ARRAY_H
#define TESTS_UNIT_SLOT_ARRAY_H

#include <pagevisor/slot.h>

#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

enum { ARRAY_ANON, ARRAY_TABLE, ARRAY_TYPES };

struct slot_array {
	struct guest_memory memory;
	struct guest_view view;  /* types "anon" and "page_table" */
	struct meta_slot *slots; /* all unused */
	int fd;                  /* the array starts at its first byte */
};

/* Also registers the thread with liburcu. */
void slot_array_create(struct slot_array *array, uint64_t slots);
void slot_array_destroy(struct slot_array *array);

/* Sets a slot's references and type, with generation 1. A type that does not exist gives a wild vtable pointer. */
void slot_array_set(struct slot_array *array, uint64_t slot, uint32_t refs, unsigned type);

/* Makes a hole of slots [first, first + count), which must fill whole pages. */
void slot_array_punch(struct slot_array *array, uint64_t first, uint64_t count);

/* Blocks that the array takes in its file. */
uint64_t slot_array_blocks(const struct slot_array *array);

#endif
