/* SPDX-License-Identifier: MPL-2.0 */
/* The walker that checks every slot against its expected state: at boot in the kernel, and in tests. */
#ifndef PAGEMETA_META_CHECK_H
#define PAGEMETA_META_CHECK_H

#include "meta_init.h"

/* The first slot that was wrong, for a message. */
struct meta_fault {
	paddr_t frame;
	const char *what; /* what was expected */
	uint64_t state;
	uint64_t vtable_ptr;
};

/*
 * Checks every slot of the array: that both mapping directions agree, that frames outside usable memory have their
 * region's type, one reference and its bounds, and that frames of usable memory are unused or in use with a registered
 * type. Frames of the kernel's own regions may instead have another permanent type that is not a region's. Nothing may
 * allocate meanwhile. Returns the number of wrong slots; *first is the first of them.
 */
uint64_t meta_check(const struct meta_array *array, struct meta_fault *first);

#endif
