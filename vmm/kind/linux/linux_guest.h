/* SPDX-License-Identifier: MPL-2.0 */
/* A guest of this kind, as the kind's own functions see it. */
#ifndef VMM_LINUX_LINUX_GUEST_H
#define VMM_LINUX_LINUX_GUEST_H

#include "kind/guest.h"
#include "kind/linux/linux_kernel.h"
#include "kind/linux/mark_pages.h"
#include "kind/linux/page_class.h"

struct linux_guest {
	struct guest guest; /* must be first: see linux_guest_of */
	struct linux_kernel kernel;
	bool has_plan;
	struct mark_plan plan;
	struct page_marks marks; /* none of a guest that is not classified */
	bool has_all_marks;
	uint64_t mark_ns;  /* they are not made anew earlier */
	uint64_t ticks;    /* jiffies_64 when it was last looked at; 0: unknown */
	uint64_t ticks_ns; /* when it was last seen to have moved */
	bool is_still; /* it has stood for so long that another kernel may have been booted since */
	uint64_t search_ns; /* no successor is looked for earlier */
};

static inline const struct linux_guest *linux_guest_of(const struct guest *guest)
{
	return (const struct linux_guest *)guest;
}

/* Opens a kernel that was found; the candidate stays the caller's. Returns 0, -EPROTO with a text, or -ENOMEM. */
int linux_guest_open(struct kernel_candidate *candidate, struct linux_guest **guest,
		     struct error *err);

/* Whoever found the guest saw its clock stand. */
void linux_guest_set_still(struct linux_guest *guest);

/*
 * Looks for what struct pages do not tell apart: see mark_pages.h. A guest that is opened has no marks; each reread makes those that it has
 * anew, unless they took long for their age.
 */
void linux_guest_mark(struct linux_guest *guest);

/* Reads the sections, the types of page blocks, the processors and the clock again. Returns as page_array_read; on failure nothing has changed. */
int linux_guest_reread(struct linux_guest *guest, struct error *err);

/*
 * The guest's records for page_classify and kpageflags_of: `count` of them, of the frames from `first` on, are at `records`;
 * others are copied. NULL and 0: all are copied.
 */
struct page_records linux_guest_records(const struct guest *guest, const void *records, pfn_t first,
					uint64_t count);

/* What it has, but for the guest itself. */
void linux_guest_close(struct linux_guest *guest);
void linux_guest_free(struct linux_guest *guest);

#endif
