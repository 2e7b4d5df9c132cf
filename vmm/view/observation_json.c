/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's frames, as JSON: see observation_json.h. */
#include "view/observation_json.h"

#include <pagevisor/address.h>

#include "kind/kind.h"
#include "view/kind_json.h"

static json *states_json(const struct guest *guest, const uint64_t *frames)
{
	json *states = json_object_new_object();

	for (unsigned i = 0; i < guest->kind->state_count; i++)
		json_add_number(states, guest_state_name(guest, i), frames[i]);
	return states;
}

static json *types_json(const struct guest *guest, const uint64_t *frames)
{
	json *types = json_object_new_object();

	for (unsigned i = 0; i < guest->type_count; i++)
		json_add_number(types, guest->types[i].name, frames[i]);
	return types;
}

json *tally_json(const struct guest *guest, const struct frame_tally *tally)
{
	json *object = json_object_new_object();

	json_add_number(object, "total_frames", guest->frame_count);
	json_add_number(object, "ram_frames", guest->ram_frames);
	json_add_number(object, "in_use_frames", guest_in_use(guest, tally));
	json_add_number(object, "never_written_frames", tally->holes);
	if (guest->kind->has_references)
		json_add_number(object, "references", tally->references);
	json_add(object, "by_state", states_json(guest, tally->states));
	json_add(object, "by_type", types_json(guest, tally->types));
	return object;
}

json *reads_json(uint64_t scans, const struct read_counters *reads, uint64_t scan_ns)
{
	json *object = json_object_new_object();

	json_add_number(object, "scans", scans);
	json_add_seconds(object, "scan_seconds", scan_ns);
	json_add_number(object, "slots_read", reads->slots);
	json_add_number(object, "slots_copied", reads->copies);
	json_add_number(object, "retried", reads->retries);
	json_add_number(object, "given_up", reads->unstable);
	return object;
}

json *finding_json(const struct finding *finding)
{
	json *entry = json_object_new_object();

	json_add_text(entry, "rule", finding->rule);
	if (finding->has_frame)
		json_add_frame(entry, finding->frame.addr / PAGE_SIZE);
	json_add_text(entry, "expected", finding->expected);
	json_add_text(entry, "found", finding->found);
	return entry;
}

void observation_add_findings(json *root, const struct observation *seen, bool with_list)
{
	json *list = json_object_new_array();

	json_add_number(root, "finding_count", seen->findings.total);
	if (!with_list) {
		json_object_put(list);
		return;
	}
	for (unsigned i = 0; i < seen->findings.listed; i++)
		json_object_array_add(list, finding_json(&seen->findings.list[i]));
	json_add(root, "findings", list);
}

void observation_add_json(json *root, const struct observation *seen)
{
	const struct guest *guest = seen->guest;

	if (!seen->is_known) {
		json_add_text(root, "guest_problem", seen->problem.text);
		return;
	}
	json_add_text(root, "stage", guest->stage);
	if (seen->scans) {
		json_add(root, "tally", tally_json(guest, &seen->last));
		json_add(root, "reads", reads_json(seen->scans, &seen->reads, seen->scan_ns));
	}
	kind_add_members(root, guest->kind, facts_json(&guest->facts));
	if (seen->counters.count)
		kind_add(root, guest->kind, "counters", facts_json(&seen->counters));
	if (seen->is_checked)
		kind_add(root, guest->kind, "checks", facts_json(&seen->check));
}
