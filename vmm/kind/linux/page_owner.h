/* SPDX-License-Identifier: MPL-2.0 */
/* What a page's record says of its owner: the cache of a slab, the address space of a file's page. */
#ifndef VMM_LINUX_PAGE_OWNER_H
#define VMM_LINUX_PAGE_OWNER_H

#include "kind/linux/owner_fields.h"
#include "kind/linux/page_class.h"

struct page_owner {
	uint64_t va; /* of struct kmem_cache or struct address_space; not checked */
	bool is_tail;
	uint64_t head;  /* the frame of the page that says so: itself, if it is no tail */
	uint64_t index; /* of this page in its file, in pages */
	bool has_index;
};

/* Whether pages of a class have an owner of that sort. */
static inline bool page_class_has_owner(int class)
{
	return class == PAGE_CLASS_SLAB || class == PAGE_CLASS_FILE || class == PAGE_CLASS_SHMEM;
}

/*
 * The owner of a page of such a class, from its record; a tail's from that of its head, which is fetched. The head changes
 * meanwhile. Returns false if the kernel has no such field, or the head cannot be had.
 */
bool page_owner_of(const struct page_records *in, uint64_t at, const void *record, int class,
		   struct page_owner *owner);

/* Whether its file has the page, or the compound page that it is a part of, at the index that the page says. */
bool page_owner_has_place(const struct page_records *in, const struct kernel_space *space,
			  const struct owner_fields *fields, const struct page_owner *owner,
			  uint64_t at);

#endif
