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
	RULE_BUSY_AT_END,        /* a slot left BUSY after the guest has finished */
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

/* One line: "frame 0x1234000: illegal_references: expected ..., found ...". */
void finding_format(const struct finding *finding, char *buffer, size_t size);

#endif
