/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a page is, from its struct page and, for tails and the inside of free blocks, from the head's. Pure over bytes
 * that may change meanwhile: each word is loaded once, atomically.
 *
 * _mapcount and _refcount lie side by side: one aligned load of both is level 1. A record is one cache line: it is copied
 * twice and accepted if both are equal. Then the value of every field was seen twice; that they were together holds only
 * for what shares a word, for a word may return to an old value in between. A count of 0 without a type is in transit.
 *
 * Where records do not tell, marks (page_marks.h) do: they are as old as the look that made them, and a record that says more
 * comes first.
 */
#ifndef VMM_LINUX_PAGE_CLASS_H
#define VMM_LINUX_PAGE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "kind/frame.h"
#include "kind/linux/page_layout.h"
#include "kind/linux/page_marks.h"
#include "kind/tally.h"

/* Of the largest compound page: 1 GiB of hugetlbfs. */
#define COMPOUND_ORDER_MAX 18

/* States of frames: indices into linux_states. */
enum page_state {
	PAGE_STATE_FREE,       /* in a block of the buddy allocator */
	PAGE_STATE_LISTED,     /* nobody's, on a list of a CPU; marks tell */
	PAGE_STATE_IN_TRANSIT, /* nobody's for a moment */
	PAGE_STATE_USED,       /* counted, by one or more */
	PAGE_STATE_RESERVED,   /* given to the allocator never: image, memmap, firmware */
	PAGE_STATE_OFFLINE,    /* given to the hypervisor: balloon, virtio-mem */
	PAGE_STATE_BROKEN,     /* a negative count */
	PAGE_STATE_COUNT,
};
extern const struct frame_state linux_states[PAGE_STATE_COUNT];

/* Types of frames in use. */
enum page_class {
	PAGE_CLASS_ANON,
	PAGE_CLASS_KSM,
	PAGE_CLASS_FILE,  /* page cache that has a disk behind it, or may */
	PAGE_CLASS_SHMEM, /* page cache that is backed by swap */
	PAGE_CLASS_SLAB,
	PAGE_CLASS_TABLE, /* page tables; of the kernel's own marks tell */
	PAGE_CLASS_HUGETLB,
	PAGE_CLASS_VMALLOC, /* of these three marks alone tell */
	PAGE_CLASS_STACK,
	PAGE_CLASS_MODULE,
	PAGE_CLASS_ZSMALLOC,
	PAGE_CLASS_KMALLOC, /* too large for a slab; older kernels do not mark it: unknown */
	PAGE_CLASS_MOVABLE, /* a driver's, which can move it */
	PAGE_CLASS_UNKNOWN, /* in use by the kernel; by whom is not known */
	PAGE_CLASS_COUNT,
};
extern const char *const page_class_names[PAGE_CLASS_COUNT];

/* What the records in hand are, and how to get others. */
struct page_records {
	const struct page_layout *layout;
	uint64_t vmemmap; /* virtual address of the record of frame 0, which need not exist */
	const void *records;
	pfn_t first;
	uint64_t count;
	/* Copies the record of another frame; returns false if there is none. NULL: only those in hand are known. */
	bool (*fetch)(const void *own, pfn_t pfn, void *record);
	const void *own;
	const struct page_marks *marks; /* NULL: there are none */
};

/* A record in hand, or a copy of it in `copy`, which has room for one; NULL if there is none. */
const void *page_record(const struct page_records *in, uint64_t pfn, void *copy);

/*
 * Where a scan over records in ascending order has come to: it carries the free block and the compound page in which it
 * is. Zeroed before the first; the first record may lie inside of a block, whose head is then fetched.
 */
struct page_scan {
	bool states_only; /* types are not wanted, and may be FRAME_TYPE_NONE where there is one */
	bool is_begun;
	bool has_compound;
	struct frame compound;  /* what the compound page is whose head was the last */
	uint64_t compound_head; /* its frame */
	uint64_t
		free_end; /* frames below it are of a free block, if they look like the inside of one */
};

/*
 * The frame number i of the records in hand; to be asked in ascending order, one after the other. Its references are the
 * kernel's page_count: for a tail, those to the compound page. Pages with a type may have none, such as free pages of
 * hugetlbfs; so may those that marks tell, where they are not the first of an allocation that is no compound page.
 */
struct frame page_classify(const struct page_records *in, struct page_scan *scan, uint64_t i);

/* Likewise, for many: a frame that is returned is put together in memory, and each load of it waits for all the stores. */
void page_classify_to(const struct page_records *in, struct page_scan *scan, uint64_t i,
		      struct frame *frame);

/*
 * How many records from number i on, which may be 0, are of pages within the free block where the scan is; page_classify says the
 * same of each, and takes longer. To be asked in its order. Sets frames[i] and those behind it; NULL: only counts them.
 */
uint64_t page_free_run(const struct page_records *in, const struct page_scan *scan, uint64_t i,
		       struct frame *frames);

/*
 * The word of a page that leads to its head; bit 0 is clear if the page is no tail. `is_head`: its flags say that it is one,
 * which is not true of a record that stands for another page's.
 */
uint64_t page_tail_word(const struct page_records *in, uint64_t pfn, const void *record,
			bool is_head);

/*
 * The frame of a tail's head, from the word compound_head of frame pfn's record. Returns false if the frame is no tail, or
 * the word is none that a kernel writes.
 */
bool page_head_of(const struct page_layout *layout, uint64_t vmemmap, uint64_t pfn, uint64_t word,
		  uint64_t *head);

/* The block of the buddy allocator that a free frame is in. Returns false if it is in none. */
bool page_free_block(const struct page_records *in, uint64_t pfn, uint64_t *head, unsigned *order);

/*
 * Copies a record twice, PAGE_COPY_TRIES times at most, until both are equal. Returns false if it always changed.
 */
#define PAGE_COPY_TRIES 8
bool page_copy(const void *record, void *copy, struct read_counters *counters);

#endif
