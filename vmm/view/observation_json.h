/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, as JSON. */
#ifndef VMM_OBSERVATION_JSON_H
#define VMM_OBSERVATION_JSON_H

#include "base/json.h"
#include "inspect/observation.h"

/*
 * Adds members to an object: what the guest says about itself, stage, frames, types, scans, check, findings;
 * `info_problem` instead where the guest's information is not sound.
 */
void observation_add_json(struct json_object *root, const struct observation *seen);

/* Frames in all, those in each state, those never written; references, if the kind counts them. */
struct json_object *frames_json(const struct guest *guest, const uint64_t *by_state,
				uint64_t references, uint64_t holes);

/* One broken invariant. */
struct json_object *finding_json(const struct finding *finding);

/* Facts by their keys. */
void facts_add_json(struct json_object *object, const struct facts *facts);
struct json_object *facts_json(const struct facts *facts);

#endif
