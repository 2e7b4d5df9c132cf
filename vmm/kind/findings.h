/* SPDX-License-Identifier: MPL-2.0 */
/* Broken invariants: which rule, where, what was expected and what was found. */
#ifndef VMM_FINDINGS_H
#define VMM_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

/* Which rules of a kind are checked: some hold at any instant, some only where no operation was cut short. */
enum check_rules {
	CHECK_ANY_INSTANT,  /* a guest that was stopped or paused anywhere */
	CHECK_ONE_OF_LOOKS, /* paused, and one of several looks: see findings_keep_common */
	CHECK_AT_REST,      /* the guest has finished: as above, and nobody holds a lock */
};

struct finding {
	const char *
		rule; /* a constant of the kind whose rule it is, so that equal rules are equal pointers */
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
