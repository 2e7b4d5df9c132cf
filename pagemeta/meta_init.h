/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Initialises the metadata array: from a memory map to one correct slot for each frame.
 *
 * Runs once, on one CPU, before any other function of the library except the early allocator's.
 */
#ifndef PAGEMETA_META_INIT_H
#define PAGEMETA_META_INIT_H

#include "early_alloc.h"
#include "meta_type.h"
#include "region.h"

enum meta_error {
	META_OK,
	META_NO_USABLE_MEMORY,
	META_TOO_MANY_REGIONS, /* more than REGIONS_MAX that must not be dropped */
	META_RANGE_EXCEEDED,   /* more memory than PLATFORM_META_RANGE_SIZE can describe */
	META_NO_ROOM,          /* no usable region is large enough for the array */
	META_NOT_MAPPED,       /* the page tables could not be extended */
	META_EARLY_FOREIGN, /* the early allocator has memory that the list does not call usable */
	META_EARLY_RETIRED, /* the early allocator was retired before */
	META_SLOT_TAKEN,    /* a slot that must be unused was not */
};

/* The metadata of frames that belong to a region for good. */
struct region_meta {
	uint64_t start; /* first byte of the region */
	uint64_t end;   /* one past its last */
};

/* Where the array is and what it describes; valid after meta_init returned META_OK. */
struct meta_array {
	paddr_t base;
	uint64_t slots;
	struct region_list
		partition; /* what each frame is; memory_reclaim changes it (reclaim.h) */
	uint64_t
		filled; /* slots filled so far, for an observer while meta_init runs; stored relaxed */
};

const char *meta_error_text(enum meta_error error);

/* The type of the frames of a region; NULL for usable memory, whose frames are unused. */
const struct meta_type *region_type(enum region_kind kind);

/*
 * Bytes of an array for memory that ends at max_paddr, in whole frames. False if the multiplication
 * overflows or the slots do not fit PLATFORM_META_RANGE_SIZE; *bytes is then unchanged.
 */
META_MUST_USE bool meta_array_size(uint64_t max_paddr, uint64_t *bytes);

/*
 * Initialises the metadata for the regions in `list`: picks max_paddr, sets the early allocator up if the caller has
 * not, extends the linear mapping past PLATFORM_EARLY_LIMIT where needed, allocates and maps the array, fills it with
 * 0xff, retires the early allocator and marks the frames of every region that is not usable. Adds the regions that
 * this took (early, metadata) to `list`. A list of more than REGIONS_MAX regions is cut with region_list_limit first.
 *
 * If the caller took early memory before, from an allocator that it set up over the same list, meta_init goes on with
 * that allocator: neither the array nor a page table lies in what was taken.
 *
 * Whatever it returns, memory outside the array and the page tables is untouched. After an error the library is not
 * initialised, the list may have been cut and sorted, and the early allocator is as it was, except that after
 * META_NO_ROOM and META_NOT_MAPPED it does not give out again what it gave out for page tables or the array.
 */
META_MUST_USE enum meta_error meta_init(struct region_list *list, struct early_allocator *early,
					struct meta_array *array);

#endif
