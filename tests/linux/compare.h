/* SPDX-License-Identifier: MPL-2.0 */
/* Compares what two sides say of every page, bit by bit. */
#ifndef TESTS_LINUX_COMPARE_H
#define TESTS_LINUX_COMPARE_H

#include <stdint.h>

#include "kind/linux/kpageflags.h"

#include "left.h"

#define KPF(name) (UINT64_C(1) << KPF_##name)

/*
 * What is compared: all that says what a page is. Not what only says how recently it was used, or whether it is being written
 * or locked; and not KPF_ZERO_PAGE, which no record says.
 */
#define COMPARED                                                                                   \
	(KPF(LRU) | KPF(ACTIVE) | KPF(SLAB) | KPF(BUDDY) | KPF(MMAP) | KPF(ANON) |                 \
	 KPF(SWAPBACKED) | KPF(COMPOUND_HEAD) | KPF(COMPOUND_TAIL) | KPF(HUGE) |                   \
	 KPF(UNEVICTABLE) | KPF(HWPOISON) | KPF(NOPAGE) | KPF(KSM) | KPF(THP) | KPF(OFFLINE) |     \
	 KPF(PGTABLE) | KPF(RESERVED) | KPF(MLOCKED) | KPF(DIRTY) | KPF(UPTODATE) | KPF(PRIVATE) | \
	 KPF(REFERENCED))

struct page_sides {
	const uint64_t *flags, *counts; /* what the kind says, for each frame of `left` */
};

struct differences {
	uint64_t by_bit[KPF_END][2]; /* set here alone, set by the kernel alone */
	uint64_t first[KPF_END];     /* the first such frame */
	uint64_t counts, first_count;
	uint64_t frames;  /* that differ in anything */
	uint64_t changed; /* left out: they changed while the agent read them */
	uint64_t odd;     /* differences that are oddities */
};

/* Compares all frames. Oddities of that kernel release (oddities.h) do not count. */
void compare_pages(const struct left *left, const struct page_sides *sides,
		   struct differences *found);

/* Prints a line for each bit that differs, and for the counts. */
void print_differences(const struct left *left, const struct page_sides *sides,
		       const struct differences *found);

#endif
