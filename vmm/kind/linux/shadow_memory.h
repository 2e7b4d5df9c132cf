/* SPDX-License-Identifier: MPL-2.0 */
/* A memory like another, read through functions that note what is asked for: what a reader needs, by having it read. */
#ifndef VMM_LINUX_SHADOW_MEMORY_H
#define VMM_LINUX_SHADOW_MEMORY_H

#include <stdint.h>

#include "base/error.h"
#include "memory/guest_memory.h"

/* Pages from `start` to `end` are read. */
typedef void note_pages(void *own, uint64_t start, uint64_t end);

struct shadow_memory {
	struct guest_memory memory; /* to be read */
	const struct guest_memory *of;
	note_pages *note;
	void *own;
};

/* Its regions are those of `of`, as they are now. Returns 0, or a negative errno with a text. It must not move. */
int shadow_memory_begin(struct shadow_memory *shadow, const struct guest_memory *of,
			note_pages *note, void *own, struct error *err);
void shadow_memory_end(struct shadow_memory *shadow);

#endif
