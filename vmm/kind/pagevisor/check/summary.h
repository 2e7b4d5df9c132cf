/* SPDX-License-Identifier: MPL-2.0 */
/* What a check covered. */
#ifndef VMM_CHECK_SUMMARY_H
#define VMM_CHECK_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/facts.h"

struct check_summary {
	bool has_lists; /* the allocator's lists were walked: the guest says where they are, and no lock was held */
	bool has_references;    /* references were looked for */
	bool has_all_tables;    /* the walk of the kernel's page table was not cut short */
	bool is_cut;            /* it ended early, when asked to */
	bool is_any_instant;    /* by the rules for one instant: CHECK_ANY_INSTANT */
	uint64_t free_frames;   /* in the allocator's lists, or put aside by it */
	uint64_t host_frames;   /* of these, those that the host has */
	uint64_t list_members;  /* frames in frame lists */
	uint64_t tables;        /* of the kernel's page table */
	uint64_t held_frames;   /* in use, and something must refer to them */
	uint64_t scanned_bytes; /* searched for references */
	uint64_t duration_ns;
};

/* The same as named figures. */
void check_summary_facts(const struct check_summary *summary, struct facts *facts);

#endif
