/* SPDX-License-Identifier: MPL-2.0 */
/* The rules for pagevisor's own guests, by the names that findings have. */
#ifndef VMM_PAGEVISOR_RULES_H
#define VMM_PAGEVISOR_RULES_H

extern const char RULE_ILLEGAL_REFERENCES[]; /* a reference count that no operation produces */
extern const char RULE_WILD_VTABLE[];        /* a frame in use whose vtable pointer names no type */
extern const char
	RULE_META_PAGE[]; /* a frame of the metadata array that is not of type meta_page */
extern const char RULE_TYPE_COUNT[];      /* frames of a type: the guest's own count differs */
extern const char RULE_REFERENCE_COUNT[]; /* references in all: the guest's own count differs */
extern const char
	RULE_BUSY_AT_END[]; /* slots left BUSY after the guest has finished; names the first */
/* The rules of vmm/kind/pagevisor/check. */
extern const char RULE_STUCK_BUSY[]; /* a slot that stays BUSY while the guest runs */
extern const char RULE_SLOT_COUNT[]; /* more slots than the guest has frames of RAM */
extern const char RULE_KERNEL_FRAME
	[]; /* a frame of the kernel's image that is in use neither as kernel nor as a page table */
extern const char RULE_ALLOCATOR[]; /* what the allocator reports about itself cannot be true */
extern const char
	RULE_FREE_LINK[]; /* a link, or the place of a block, where no free frame can be */
extern const char RULE_FREE_COUNT[];   /* a free list is longer or shorter than its count */
extern const char RULE_LISTED_TWICE[]; /* a frame that is free in two places */
extern const char
	RULE_LISTED_IN_USE[]; /* a frame in a free list that is neither unused nor the host's */
extern const char
	RULE_FREE_TAG[]; /* the tag of a free frame does not match the list that it is in */
extern const char
	RULE_FOREIGN_FRAME[];        /* a frame in a free list that the allocator does not manage */
extern const char RULE_LOST_FRAME[]; /* an unused frame that is in no free list */
extern const char RULE_LEAKED_FRAME[]; /* a frame in use that nothing refers to */
extern const char RULE_LIST_LINK[];    /* the links of a frame list do not match */
extern const char RULE_PAGE_TABLE[]; /* a frame of the kernel's page table that cannot be a table */
extern const char RULE_TABLE_REFERENCES
	[]; /* the references of a page table are not as many as the entries that point at it */
extern const char RULE_LOST_TABLE
	[]; /* a frame of the type of page tables that no path from the root reaches */
extern const char RULE_WILD_ENTRY[]; /* an individually mapped frame that is not in use */
extern const char
	RULE_MAPPING[]; /* the kernel's own memory is mapped at the wrong place, or not at all */

#endif
