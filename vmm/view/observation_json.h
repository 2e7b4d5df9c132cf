/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, as JSON. */
#ifndef VMM_OBSERVATION_JSON_H
#define VMM_OBSERVATION_JSON_H

#include "base/json.h"
#include "inspect/observation.h"
#include "kind/read_counters.h"

/*
 * Adds members to an object: stage, tally, reads, findings, and what else the guest says about itself, counted and was
 * checked for under its kind's key; "guest_problem" instead where its information is not sound.
 */
void observation_add_json(json *root, const struct observation *seen);

/* Adds its findings: "finding_count", and "findings" unless they are an answer's list. */
void observation_add_findings(json *root, const struct observation *seen, bool with_list);

/* Frames by state and type, and how many are RAM, in use, and never written; references, if the kind counts them. */
json *tally_json(const struct guest *guest, const struct frame_tally *tally);

/* What `scans` scans cost. */
json *reads_json(uint64_t scans, const struct read_counters *reads, uint64_t scan_ns);

/* One broken invariant. */
json *finding_json(const struct finding *finding);

#endif
