/* SPDX-License-Identifier: MPL-2.0 */
/* Broken invariants: which rule, where, what was expected and what was found. */
#ifndef VMM_FINDINGS_H
#define VMM_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

/* Which of a kind's rules to check: some hold at any instant, others only if no operation was interrupted midway. */
enum check_rules {
	CHECK_ANY_INSTANT,  /* the guest was stopped or paused at an arbitrary point */
	CHECK_ONE_OF_LOOKS, /* paused; one of several samples: see findings_keep_common */
	CHECK_AT_REST,      /* the guest has finished: as above, and no lock is held */
	CHECK_RUNNING,      /* the guest runs meanwhile: only kinds that check running guests */
};

/* The flag among a check's facts that says whether it went to its end (guest_check). */
#define CHECK_IS_COMPLETE "is_complete"

struct finding {
	const char *rule; /* a constant of the kind: equal rules are equal pointers */
	bool has_frame;
	paddr_t frame;
	char expected[64];
	char found[64];
};

/* The first findings in full. `total` is a lower bound on their number. Each rule lists a frame only once. */
#define FINDINGS_MAX 32

struct findings {
	uint64_t total;
	unsigned listed;
	struct finding list[FINDINGS_MAX];
};

void findings_add(struct findings *findings, const struct finding *finding);

/* Adds the findings from another part of the same scan: none of them has been counted before. */
void findings_append(struct findings *findings, const struct findings *part);

/* Adds the findings of a later scan. What was found before is not counted again. */
void findings_merge(struct findings *findings, const struct findings *scan);

/*
 * Keeps only the findings that a second sample, `again`, has too: the same rule, frame and texts. This drops what was
 * true only for a moment while the guest ran. Counts only listed findings.
 */
void findings_keep_common(struct findings *findings, const struct findings *again);

/* One line: "frame 0x1234000: illegal_references: expected ..., found ...". */
void finding_format(const struct finding *finding, char *buffer, size_t size);

#endif
