/* SPDX-License-Identifier: MPL-2.0 */
/* A set of a guest's pages: a bit for each, however they are scattered. For lists of few and long ranges see ranges.h. */
#ifndef VMM_PAGE_SET_H
#define VMM_PAGE_SET_H

#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/guest_memory.h"
#include "memory/ranges.h"

struct page_set {
	struct memory_ranges all; /* the regions; pages are counted in this order */
	uint64_t page_count;
	uint64_t *bits;
	struct memory_budget *budget;
};

/* An empty set of that memory's pages. Returns 0, -E2BIG if the memory's budget is too small, or -ENOMEM, with a text. */
int page_set_begin(struct page_set *set, const struct guest_memory *memory, struct error *err);

/* Also of one that could not begin. */
void page_set_end(struct page_set *set);

/* Adds or removes the pages of a range; what is no memory is left out. */
void page_set_add(struct page_set *set, paddr_t pa, uint64_t size);
void page_set_remove(struct page_set *set, paddr_t pa, uint64_t size);

/* How much memory its pages are. */
uint64_t page_set_bytes(const struct page_set *set);

/*
 * The first run of pages from the page `*at` of the count on, within one region; sets *at behind it. Begin with 0. Returns its
 * size in bytes; 0: there is none.
 */
uint64_t page_set_next(const struct page_set *set, uint64_t *at, paddr_t *pa);

#endif
