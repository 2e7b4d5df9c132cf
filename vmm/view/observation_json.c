/* SPDX-License-Identifier: MPL-2.0 */
/* What was seen of a guest's metadata, as JSON: see observation.h. */
#include "view/observation.h"

#include <errno.h>
#include <stdio.h>

json *observation_frames_json(uint64_t slots, const uint64_t *by_class, uint64_t references,
			      uint64_t holes)
{
	json *frames = json_object_new_object();

	json_add_number(frames, "slots", slots);
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		json_add_number(frames, ref_class_name(i), by_class[i]);
	json_add_number(frames, "references", references);
	json_add_number(frames, "never_written", holes);
	return frames;
}

static json *types_json(const struct observation *seen)
{
	json *types = json_object_new_object();

	for (unsigned i = 0; i < seen->view.type_count; i++)
		json_add_number(types, seen->view.types[i].name, seen->last.types[i]);
	return types;
}

json *observation_work_json(const struct cpu_counters *counters)
{
	json *work = json_object_new_object();

	json_add_number(work, "steps", counters->operations);
	json_add_number(work, "allocations", counters->allocations);
	json_add_number(work, "frees", counters->frees);
	json_add_number(work, "refusals", counters->refusals);
	json_add_number(work, "gets", counters->gets);
	json_add_number(work, "puts", counters->puts);
	json_add_number(work, "failures", counters->failures);
	return work;
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

static json *check_json(const struct check_summary *summary)
{
	json *check = json_object_new_object();

	json_object_object_add(check, "has_lists", json_object_new_boolean(summary->has_lists));
	json_object_object_add(check, "has_references",
			       json_object_new_boolean(summary->has_references));
	json_add_number(check, "free_frames", summary->free_frames);
	json_add_number(check, "list_members", summary->list_members);
	json_add_number(check, "tables", summary->tables);
	json_add_number(check, "held_frames", summary->held_frames);
	json_add_number(check, "scanned_bytes", summary->scanned_bytes);
	json_add_number(check, "time_ns", summary->duration_ns);
	return check;
}

json *finding_json(const struct finding *finding)
{
	json *entry = json_object_new_object();

	json_add_text(entry, "rule", rule_name(finding->rule));
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
	if (!seen->has_view) {
		json_add_text(root, "info_problem", seen->problem.text);
		return;
	}
	json_add_number(root, "ring", seen->view.ring);
	if (seen->view.tsc_khz)
		json_add_number(root, "tsc_khz", seen->view.tsc_khz);
	json_add_text(root, "stage", boot_stage_name(seen->view.stage));
	if (seen->scans) {
		json_object_object_add(
			root, "frames",
			observation_frames_json(seen->view.slot_count, seen->last.frames,
						seen->last.references, seen->last.holes));
		json_object_object_add(root, "types", types_json(seen));
		json_object_object_add(root, "scans", scans_json(seen));
	}
	if (seen->is_checked)
		json_object_object_add(root, "check", check_json(&seen->check));
	json_add_number(root, "finding_count", seen->findings.total);
	json_object_object_add(root, "findings", findings_json(&seen->findings));
}
