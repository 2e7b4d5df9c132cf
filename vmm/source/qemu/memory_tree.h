/* SPDX-License-Identifier: MPL-2.0 */
/* Where a QEMU guest's RAM is, from what QEMU's monitor prints for `info mtree -f`. */
#ifndef VMM_QEMU_MEMORY_TREE_H
#define VMM_QEMU_MEMORY_TREE_H

#include <stdint.h>

#include "base/error.h"
#include "memory/guest_memory.h"

/* A piece of a memory backend, at consecutive guest addresses. */
struct tree_ram {
	unsigned backend; /* its index in the list of names */
	uint64_t base;    /* guest physical */
	uint64_t size;    /* includes what overlays it in between, such as a ROM */
	uint64_t offset;  /* of the first byte in the backend */
};

struct memory_tree {
	unsigned count;
	struct tree_ram ram[MEMORY_REGIONS_MAX];
};

/*
 * Extracts the pieces of the `count` backends in the system's address space from the text. Returns 0 or -EPROTO with a
 * line of text: no such address space, no RAM in it, too many pieces, or one whose addresses or offsets wrap.
 */
int memory_tree_parse(const char *text, const char *const *backends, unsigned count,
		      struct memory_tree *tree, struct error *err);

#endif
