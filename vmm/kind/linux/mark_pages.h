/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Looks for what struct pages do not tell apart (page_marks.h): the lists of CPUs, the stacks of threads, what the kernel maps for
 * vmalloc and for modules, and its own page tables. In this order, so that a page which changes meanwhile is what it became.
 */
#ifndef VMM_LINUX_MARK_PAGES_H
#define VMM_LINUX_MARK_PAGES_H

#include "kind/linux/linux_kernel.h"
#include "kind/linux/owner_fields.h"
#include "kind/linux/page_marks.h"
#include "kind/linux/zones.h"

/* What one look may take: honest guests need less. */
#define MARK_TABLES_MAX (1 << 18)
#define MARK_NS_MAX     UINT64_C(1000000000)

/* Where to look. It stays so as long as the kernel runs. */
struct mark_plan {
	struct owner_fields fields;
	struct zone_layout zones;
	bool has_zones;
};

void mark_plan_read(const struct linux_kernel *kernel, struct mark_plan *plan);

/*
 * Makes the marks, which are the caller's and end with page_marks_end. What cannot be had has none. Returns whether all was followed to
 * its end: not with limits reached, without types or symbols, or if tables or threads are not in this memory. That a list changed
 * during every attempt counts as its end.
 */
bool mark_pages(const struct linux_kernel *kernel, const struct mark_plan *plan,
		struct page_marks *marks);

#endif
