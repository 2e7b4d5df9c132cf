/* SPDX-License-Identifier: MPL-2.0 */
/* Broken invariants: which rule, where, what was expected and what was found. */
#ifndef VMM_FINDINGS_H
#define VMM_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

enum rule {
	RULE_ILLEGAL_REFERENCES, /* a reference count that no operation makes */
	RULE_WILD_VTABLE,        /* a frame in use whose vtable pointer is no type's */
	RULE_META_PAGE,          /* a frame of the metadata array that is not of type meta_page */
	RULE_TYPE_COUNT,         /* frames of a type: the guest counts otherwise */
	RULE_REFERENCE_COUNT,    /* references in all: the guest counts otherwise */
	RULE_BUSY_AT_END, /* slots left BUSY after the guest has finished: the first of them */
	/* The rules of vmm/kind/pagevisor/check. */
	RULE_STUCK_BUSY,   /* a slot that stays BUSY while the guest runs */
	RULE_SLOT_COUNT,   /* more slots than the guest has frames of RAM */
	RULE_KERNEL_FRAME, /* a frame of the kernel's image that is neither its nor a page table */
	RULE_ALLOCATOR,    /* what the allocator says of itself cannot be true */
	RULE_FREE_LINK, /* a link, or the place of a block, that leads nowhere a free frame can be */
	RULE_FREE_COUNT,    /* a free list is longer or shorter than its count */
	RULE_LISTED_TWICE,  /* a frame that is free in two places */
	RULE_LISTED_IN_USE, /* a frame in a free list that is neither unused nor the host's */
	RULE_FREE_TAG,      /* the tag of a free frame says otherwise than the list that it is in */
	RULE_FOREIGN_FRAME, /* a frame in a free list that the allocator does not manage */
	RULE_LOST_FRAME,    /* an unused frame that is in no free list */
	RULE_LEAKED_FRAME,  /* a frame in use that nothing refers to */
	RULE_LIST_LINK,     /* the links of a frame list do not match */
	RULE_PAGE_TABLE,    /* a frame of the kernel's page table that cannot be one */
	RULE_TABLE_REFERENCES, /* of a page table: not as many as entries that point at it */
	RULE_LOST_TABLE, /* a frame of the type of page tables that no way from the root leads to */
	RULE_WILD_ENTRY, /* a frame that is mapped on its own and not in use */
	RULE_MAPPING,    /* the kernel's own memory is mapped elsewhere, or not at all */
	RULE_COUNT,
};

const char *rule_name(enum rule rule);

struct finding {
	enum rule rule;
	bool has_frame;
	paddr_t frame;
	char expected[64];
	char found[64];
};

/* The first findings in full, and how many there are: at least `total`. A frame is listed once for each rule. */
#define FINDINGS_MAX 32

struct findings {
	uint64_t total;
	unsigned listed;
	struct finding list[FINDINGS_MAX];
};

void findings_add(struct findings *findings, const struct finding *finding);

/* Adds the findings of another part of the same scan: none of them can be known already. */
void findings_append(struct findings *findings, const struct findings *part);

/* Adds what a later scan found: what was found before is not counted again. */
void findings_merge(struct findings *findings, const struct findings *scan);

/*
 * Keeps of `findings` what `again`, a second look, has found as well: the same rule, frame and texts. For what may be
 * true for a moment while the guest runs. Counts only what is listed.
 */
void findings_keep_common(struct findings *findings, const struct findings *again);

/* One line: "frame 0x1234000: illegal_references: expected ..., found ...". */
void finding_format(const struct finding *finding, char *buffer, size_t size);

#endif
