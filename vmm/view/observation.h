/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's metadata, over one look at it or many, and how it is shown. */
#ifndef VMM_OBSERVATION_H
#define VMM_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "kind/pagevisor/check/check.h"
#include "kind/pagevisor/incremental_scan.h"
#include "kind/pagevisor/scan.h"

/* Starts as zeroes. */
struct observation {
	bool has_view;        /* the guest published an info page that holds water */
	struct error problem; /* why not, else empty */
	struct guest_view view;
	struct scan last; /* the most recent scan */
	struct cpu_counters counters;
	unsigned scans;
	struct read_counters reads; /* of all scans */
	uint64_t scan_ns;           /* time spent in them */
	bool is_checked;            /* the check was made, and `findings` holds what it found */
	struct check_summary check;
	struct findings findings; /* of all scans */
	struct findings now;      /* of the last one */
	struct incremental_scan *
		incremental; /* scans with it, until its log fails; NULL: reads everything each time */
	struct error log_problem; /* it failed: why */
};

/* Whether the guest has finished by its own word, and its books could be held against its slots. */
static inline bool observation_is_complete(const struct observation *seen)
{
	return seen->has_view && seen->scans > 0 && seen->view.cpu_count > 0 &&
	       seen->view.stage == STAGE_FINISHED;
}

/*
 * Looks once: reads the info page, scans the array if there is one yet, reads the counters. Returns 0; what
 * guest_view_read returned, with its text in `problem`; or -EFAULT when the array went away during the scan.
 */
int observation_look(struct observation *seen, const struct guest_memory *memory, paddr_t info);

/* Frames by state and type, what scanning cost, what the check looked at, findings: lines of a report on standard output. */
void observation_print_frames(const struct observation *seen);
void observation_print_scans(const struct observation *seen);
void observation_print_check(const struct check_summary *check);
void observation_print_findings(const struct findings *findings);

/*
 * The same as members of a JSON object: ring, tsc_khz, stage, frames, types, scans, check, findings; `info_problem` instead when there is no
 * view.
 */
void observation_add_json(struct json_object *root, const struct observation *seen);

/* Slots in all, those of each ref_class, those never written; references to all frames in use. */
struct json_object *observation_frames_json(uint64_t slots, const uint64_t *by_class,
					    uint64_t references, uint64_t holes);

/* Its rule, frame and texts. */
struct json_object *finding_json(const struct finding *finding);

/* The guest's own counters. */
struct json_object *observation_work_json(const struct cpu_counters *counters);

#endif
