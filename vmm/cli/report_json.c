/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a run amounted to, as one JSON object. Times end in their unit; _ns are CLOCK_MONOTONIC.
 * Members of parts that the run did not reach are missing.
 */
#include <stdio.h>

#include <json.h>

#include "cli/exit_status.h"
#include "cli/report.h"

typedef struct json_object json;

static void add_number(json *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static void add_text(json *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

static json *boot_json(const struct report *report)
{
	json *boot = json_object_new_object();

	add_number(boot, "start_ns", report->start_ns);
	for (enum boot_stage stage = STAGE_ENTERED; stage < STAGE_COUNT; stage++) {
		uint64_t at = boot_stages_at(report->stages, stage);

		if (at)
			add_number(boot, boot_stage_name(stage), at);
	}
	return boot;
}

static json *frames_json(const struct observation *seen)
{
	json *frames = json_object_new_object();

	add_number(frames, "slots", seen->view.slot_count);
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		add_number(frames, ref_class_name(i), seen->last.frames[i]);
	add_number(frames, "references", seen->last.references);
	add_number(frames, "never_written", seen->last.holes);
	return frames;
}

static json *types_json(const struct observation *seen)
{
	json *types = json_object_new_object();

	for (unsigned i = 0; i < seen->view.type_count; i++)
		add_number(types, seen->view.types[i].name, seen->last.types[i]);
	return types;
}

static json *work_json(const struct report *report)
{
	const struct cpu_counters *counters = &report->seen->counters;
	json *work = json_object_new_object();

	add_number(work, "steps", counters->operations);
	add_number(work, "allocations", counters->allocations);
	add_number(work, "frees", counters->frees);
	add_number(work, "refusals", counters->refusals);
	add_number(work, "gets", counters->gets);
	add_number(work, "puts", counters->puts);
	add_number(work, "failures", counters->failures);
	json_object_object_add(
		work, "steps_per_second",
		json_object_new_double(report_per_second(report, counters->operations)));
	return work;
}

static json *scans_json(const struct observation *seen)
{
	json *scans = json_object_new_object();

	add_number(scans, "scans", seen->scans);
	add_number(scans, "time_ns", seen->scan_ns);
	add_number(scans, "slots_read", seen->reads.slots);
	add_number(scans, "slots_copied", seen->reads.copies);
	add_number(scans, "retried", seen->reads.retries);
	add_number(scans, "given_up", seen->reads.unstable);
	return scans;
}

static json *findings_json(const struct findings *findings)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < findings->listed; i++) {
		const struct finding *finding = &findings->list[i];
		json *entry = json_object_new_object();

		add_text(entry, "rule", rule_name(finding->rule));
		if (finding->has_frame)
			add_number(entry, "frame", finding->frame.addr);
		add_text(entry, "expected", finding->expected);
		add_text(entry, "found", finding->found);
		json_object_array_add(list, entry);
	}
	return list;
}

static void add_observation(json *root, const struct report *report)
{
	const struct observation *seen = report->seen;

	if (!seen)
		return;
	if (!seen->has_view) {
		add_text(root, "info_problem", seen->problem.text);
		return;
	}
	add_number(root, "ring", seen->view.ring);
	add_text(root, "stage", boot_stage_name(seen->view.stage));
	if (seen->view.cpu_count)
		json_object_object_add(root, "work", work_json(report));
	if (seen->scans) {
		json_object_object_add(root, "frames", frames_json(seen));
		json_object_object_add(root, "types", types_json(seen));
		json_object_object_add(root, "scans", scans_json(seen));
	}
	add_number(root, "finding_count", seen->findings.total);
	json_object_object_add(root, "findings", findings_json(&seen->findings));
}

int report_print_json(const struct report *report)
{
	char verdict[sizeof(report->end->text.text)];
	json *root = json_object_new_object();

	report_verdict(report, verdict, sizeof(verdict));
	add_text(root, "result", verdict);
	add_number(root, "status", (uint64_t)report_status(report));
	add_number(root, "memory_bytes", report->options->memory);
	add_number(root, "cpus", report->options->cpus);
	add_number(root, "seed", report->options->seed);
	add_number(root, "end_ns", report->end_ns);
	add_number(root, "vmm_overhead_bytes", report->overhead_bytes);
	add_number(root, "stray_accesses", report->stray_accesses);
	json_object_object_add(root, "boot", boot_json(report));
	add_observation(root, report);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return report_flush();
}
