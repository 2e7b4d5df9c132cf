/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a stress run, as one JSON object. The names of times end in their unit. */

#include "base/json.h"
#include "cli/output.h"
#include "cli/stress/report.h"

static json *found_json(const struct stress_result *result)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < result->found_count; i++) {
		const struct discovery *found = &result->found[i];
		json *entry = json_object_new_object();

		json_add_text(entry, "by", finder_name(found->finder));
		json_add_text(entry, "rule", found->rule);
		if (found->has_frame)
			json_add_number(entry, "frame", found->frame);
		json_add_text(entry, "text", found->text);
		json_add_number(entry, "steps", found->steps);
		json_object_array_add(list, entry);
	}
	return list;
}

static void add_plant(json *entry, const struct stress_result *result)
{
	json_add_text(entry, "plant", result->plant);
	json_object_object_add(entry, "is_planted",
			       json_object_new_boolean(result->planted.is_planted));
	if (!result->planted.is_planted)
		return;
	json_add_number(entry, "planted_frame", result->planted.frame);
	json_add_number(entry, "planted_steps", result->planted.steps);
	if (result->found_count)
		json_add_number(entry, "steps_until_found",
				stress_result_steps_until_found(result));
}

static json *trend_json(const struct resource_trend *trend)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < trend->count; i++) {
		json *entry = json_object_new_object();

		json_add_number(entry, "anon_kib", trend->samples[i].anon_kib);
		json_add_number(entry, "fds", trend->samples[i].fds);
		json_object_array_add(list, entry);
	}
	return list;
}

static json *result_json(const struct stress_report *report, const struct stress_result *result)
{
	json *entry = json_object_new_object();
	json *acts = json_object_new_object();
	char repro[512];

	json_add_text(entry, "scenario", result->scenario);
	json_add_number(entry, "seed", result->seed);
	json_add_number(entry, "time_ns", result->duration_ns);
	json_add_number(entry, "steps", result->steps);
	json_add_number(entry, "looks", result->progress.looks);
	json_add_number(entry, "checks", result->progress.checks);
	if (result->plant)
		add_plant(entry, result);
	for (unsigned act = 0; act < CHAOS_ACTS; act++)
		json_add_number(acts, chaos_act_name((enum chaos_act)act), result->acts[act]);
	json_object_object_add(entry, "chaos", acts);
	json_object_object_add(entry, "vm_resources", trend_json(&result->vm_trend));
	json_object_object_add(entry, "inspector_resources", trend_json(&result->inspector_trend));
	json_object_object_add(entry, "found", found_json(result));
	stress_repro(report->options, result, repro, sizeof(repro));
	json_add_text(entry, "again", repro);
	return entry;
}

int stress_report_print_json(const struct stress_report *report)
{
	json *root = json_object_new_object();
	json *rounds = json_object_new_array();
	unsigned found = 0;

	for (unsigned i = 0; i < report->count; i++) {
		found += report->results[i].found_count > 0;
		json_object_array_add(rounds, result_json(report, &report->results[i]));
	}
	json_add_number(root, "rounds_with_findings", found);
	json_object_object_add(root, "is_interrupted",
			       json_object_new_boolean(report->interrupted));
	json_add_number(root, "cpus", report->options->round.guest.cpus);
	json_add_number(root, "memory_bytes", report->options->round.guest.memory);
	json_add_number(root, "time_ns", report->duration_ns);
	json_object_object_add(root, "rounds", rounds);
	json_print(root);
	return output_flush();
}
