/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, as JSON: see observation_json.h. */
#include "view/observation_json.h"

#include <errno.h>

#include "kind/kind.h"

typedef struct json_object json;

json *frames_json(const struct guest *guest, const uint64_t *by_state, uint64_t references,
		  uint64_t holes)
{
	json *frames = json_object_new_object();

	json_add_number(frames, "slots", guest->frame_count);
	for (unsigned i = 0; i < guest->kind->state_count; i++)
		json_add_number(frames, guest_state_name(guest, i), by_state[i]);
	if (guest->kind->has_references)
		json_add_number(frames, "references", references);
	json_add_number(frames, "never_written", holes);
	return frames;
}

static json *types_json(const struct observation *seen)
{
	json *types = json_object_new_object();

	for (unsigned i = 0; i < seen->guest->type_count; i++)
		json_add_number(types, seen->guest->types[i].name, seen->last.types[i]);
	return types;
}

void facts_add_json(json *object, const struct facts *facts)
{
	for (unsigned i = 0; i < facts->count; i++) {
		const struct fact *fact = &facts->list[i];

		if (fact->use & FACT_IS_FLAG)
			json_object_object_add(object, fact->key,
					       json_object_new_boolean(fact->value != 0));
		else
			json_add_number(object, fact->key, fact->value);
	}
}

json *facts_json(const struct facts *facts)
{
	json *object = json_object_new_object();

	facts_add_json(object, facts);
	return object;
}

static json *scans_json(const struct observation *seen)
{
	json *scans = json_object_new_object();

	json_add_number(scans, "scans", seen->scans);
	json_add_number(scans, "time_ns", seen->scan_ns);
	json_add_number(scans, "slots_read", seen->reads.slots);
	json_add_number(scans, "slots_copied", seen->reads.copies);
	json_add_number(scans, "retried", seen->reads.retries);
	json_add_number(scans, "given_up", seen->reads.unstable);
	return scans;
}

json *finding_json(const struct finding *finding)
{
	json *entry = json_object_new_object();

	json_add_text(entry, "rule", finding->rule);
	if (finding->has_frame)
		json_add_number(entry, "frame", finding->frame.addr);
	json_add_text(entry, "expected", finding->expected);
	json_add_text(entry, "found", finding->found);
	return entry;
}

static json *findings_json(const struct findings *findings)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < findings->listed; i++)
		json_object_array_add(list, finding_json(&findings->list[i]));
	return list;
}

void observation_add_json(json *root, const struct observation *seen)
{
	if (!seen->is_known) {
		json_add_text(root, "info_problem", seen->problem.text);
		return;
	}
	facts_add_json(root, &seen->guest->facts);
	json_add_text(root, "stage", seen->guest->stage);
	if (seen->scans) {
		json_object_object_add(root, "frames",
				       frames_json(seen->guest, seen->last.states,
						   seen->last.references, seen->last.holes));
		json_object_object_add(root, "types", types_json(seen));
		json_object_object_add(root, "scans", scans_json(seen));
	}
	if (seen->is_checked)
		json_object_object_add(root, "check", facts_json(&seen->check));
	json_add_number(root, "finding_count", seen->findings.total);
	json_object_object_add(root, "findings", findings_json(&seen->findings));
}
