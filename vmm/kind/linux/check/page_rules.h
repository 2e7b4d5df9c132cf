/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rules that hold for each struct page at any moment, from its record and those of its compound page and its free block.
 * Pure over bytes. The records may be of slightly different moments: of a guest that runs, a broken rule means something
 * only if it stays broken.
 */
#ifndef VMM_LINUX_PAGE_RULES_H
#define VMM_LINUX_PAGE_RULES_H

#include "kind/linux/page_class.h"

struct page_violation {
	const char *rule;
	char expected[64];
	char found[64];
};

#define PAGE_VIOLATIONS_MAX 8

/* A block of the buddy allocator; order -1: none. */
struct page_block {
	uint64_t head;
	int order;
};

/* The free block that begins at a page by its record; none if it is not marked so, or its order or place cannot be. */
struct page_block page_block_at(const struct page_layout *layout, uint64_t pfn, const void *record);

/*
 * Which rules a page breaks. `record` is its own, in hand or not; `class` that of page_classify; `block` the one that a page in
 * front of it begins, and that would have it. Returns how many.
 */
unsigned page_rules(const struct page_records *in, uint64_t pfn, const void *record, int class,
		    const struct page_block *block, struct page_violation *violations);

#endif
