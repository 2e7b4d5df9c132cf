/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The result of a run, as one JSON object. The names of times end in their unit; _ns are CLOCK_MONOTONIC. Parts that
 * the run did not reach have no members.
 */

#include "cli/exit_status.h"
#include "base/json.h"
#include "cli/output.h"
#include "cli/run/report.h"
#include "view/observation_json.h"

static json *boot_json(const struct report *report)
{
	json *boot = json_object_new_object();

	json_add_number(boot, "start_ns", report->start_ns);
	for (enum boot_stage stage = STAGE_ENTERED; stage < STAGE_COUNT; stage++) {
		uint64_t at = boot_stages_at(report->stages, stage);

		if (at)
			json_add_number(boot, boot_stage_name(stage), at);
	}
	return boot;
}

static json *work_json(const struct report *report)
{
	const struct facts *counters = &report->seen->counters;
	json *work = facts_json(counters);

	json_object_object_add(
		work, "steps_per_second",
		json_object_new_double(report_per_second(report, facts_value(counters, "steps"))));
	return work;
}

static json *failures_json(const struct console_report *console)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < console->count; i++) {
		const struct console_failure *failure = &console->failures[i];
		json *entry = json_object_new_object();

		json_add_text(entry, "event", console_event_name(failure->event));
		json_add_text(entry, "rule", failure->rule);
		if (failure->has_frame)
			json_add_number(entry, "frame", failure->frame);
		json_add_text(entry, "text", failure->text);
		json_add_number(entry, "at_ns", failure->at_ns);
		json_object_array_add(list, entry);
	}
	return list;
}

static json *planted_json(const struct planted_fault *planted)
{
	json *entry = json_object_new_object();

	json_add_number(entry, "frame", planted->frame);
	json_add_number(entry, "steps", planted->steps);
	return entry;
}

int report_print_json(const struct report *report)
{
	char verdict[sizeof(report->end->text.text)];
	json *root = json_object_new_object();

	report_verdict(report, verdict, sizeof(verdict));
	json_add_text(root, "result", verdict);
	json_add_number(root, "status", (uint64_t)report_status(report));
	json_add_number(root, "memory_bytes", report->options->guest.memory);
	json_add_text(root, "accelerator", accel_name(report->accel));
	json_add_number(root, "cpus", report->options->guest.cpus);
	json_add_number(root, "seed", report->options->guest.seed);
	json_add_number(root, "end_ns", report->end_ns);
	json_add_number(root, "vmm_overhead_bytes", report->overhead_bytes);
	if (report->sees_strays)
		json_add_number(root, "stray_accesses", report->stray_accesses);
	json_object_object_add(root, "boot", boot_json(report));
	if (report->console->count)
		json_object_object_add(root, "guest_failures", failures_json(report->console));
	if (report->console->planted.is_planted)
		json_object_object_add(root, "planted", planted_json(&report->console->planted));
	if (report->seen) {
		if (report->seen->is_known && report->seen->counters.count)
			json_object_object_add(root, "work", work_json(report));
		observation_add_json(root, report->seen);
	}
	json_print(root);
	return output_flush();
}
