/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, as lines of a report on standard output. */
#ifndef VMM_OBSERVATION_TEXT_H
#define VMM_OBSERVATION_TEXT_H

#include <stdio.h>

#include "inspect/observation.h"

/* "frames    1048576 of RAM, 262144 holes and devices": the beginning of a line. */
void print_frame_count(const struct guest *guest, FILE *out);

/* Frames by state and type; the cost of scans; what a check covered; broken invariants. */
void observation_print_frames(const struct observation *seen);
void observation_print_scans(const struct observation *seen);
void observation_print_check(const struct observation *seen);
/* "skipped   leaked frames: ...": a line for each part of the check that was left out. */
void observation_print_gaps(const struct observation *seen);
void observation_print_findings(const struct findings *findings);

/* ", ring 3": facts about the guest that belong in one line, each after a comma. */
void print_facts_in_line(const struct facts *facts);

#endif
