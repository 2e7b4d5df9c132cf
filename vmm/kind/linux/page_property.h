/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What expressions can ask of Linux's frames alone (kind/property.h): the flags as /proc/kpageflags has them, the order of the
 * block or compound page, whether it is a head or a tail, how often it is mapped, zone, node, the migrate type of its
 * page block, of a page that cannot be moved, how many such pages that block has, its file or cache, and the processes that map it.
 */
#ifndef VMM_LINUX_PAGE_PROPERTY_H
#define VMM_LINUX_PAGE_PROPERTY_H

#include "kind/linux/kpageflags.h"
#include "kind/property.h"

/* The flags are the first, by their numbers. */
enum page_property {
	PROPERTY_ORDER = KPF_END,
	PROPERTY_HEAD,
	PROPERTY_TAIL,
	PROPERTY_MAPS,
	PROPERTY_ZONE,
	PROPERTY_NODE,
	PROPERTY_MIGRATETYPE,
	PROPERTY_HINDERS,
	PROPERTY_FILE,  /* its address space */
	PROPERTY_CACHE, /* of slabs */
	PROPERTY_TASK,  /* processes that map it */
	PROPERTY_COUNT,
};

extern const struct property_ops linux_properties;

/* Of what struct pages say, pure over records, as page_classify; the layout is full. Returns false if the frame has none, or it is not known. */
bool page_property(const struct page_records *in, unsigned property, pfn_t pfn,
		   const struct frame *frame, uint64_t *value);

#endif
