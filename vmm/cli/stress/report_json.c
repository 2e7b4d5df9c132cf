/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a stress run, for programs. */
#include <stdlib.h>

#include <pagevisor/address.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/run/report.h"
#include "cli/stress/report.h"
#include "view/answer.h"

static json *found_json(const struct stress_result *result)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < result->found_count; i++) {
		const struct discovery *found = &result->found[i];
		json *entry = json_object_new_object();

		json_add_text(entry, "found_by", finder_name(found->finder));
		json_add_text(entry, "rule", found->rule);
		if (found->has_frame)
			json_add_frame(entry, found->frame / PAGE_SIZE);
		json_add_text(entry, "text", found->text);
		json_add_number(entry, "steps", found->steps);
		json_object_array_add(list, entry);
	}
	return list;
}

static void add_plant(json *entry, const struct stress_result *result)
{
	json_add_text(entry, "plant", result->plant);
	if (!result->planted.is_planted)
		return;
	json_add(entry, "planted", planted_json(&result->planted));
	if (result->found_count)
		json_add_number(entry, "steps_until_found",
				stress_result_steps_until_found(result));
}

static json *trend_json(const struct resource_trend *trend)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < trend->count; i++) {
		json *entry = json_object_new_object();

		json_add_number(entry, "anonymous_bytes", trend->samples[i].anon_kib << 10);
		json_add_number(entry, "descriptors", trend->samples[i].fds);
		json_object_array_add(list, entry);
	}
	return list;
}

static json *acts_json(const struct stress_result *result)
{
	json *acts = json_object_new_object();

	for (unsigned act = 0; act < CHAOS_ACTS; act++)
		json_add_number(acts, chaos_act_name((enum chaos_act)act), result->acts[act]);
	return acts;
}

static json *reclaim_json(const struct reclaim_tally *tally)
{
	json *reclaim = json_object_new_object();

	json_add_number(reclaim, "claimed_frames", tally->claimed);
	json_add_number(reclaim, "released_frames", tally->released);
	json_add_number(reclaim, "asks", tally->asks);
	json_add_number(reclaim, "refusals", tally->refusals);
	return reclaim;
}

static json *saved_json(const struct stress_report *report, const struct stress_result *result)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < result->saved.count; i++) {
		char *restore = stress_restore(report->options, result, i);

		json_object_array_add(list, json_text(restore ? restore : ""));
		free(restore);
	}
	return list;
}

static json *round_json(const struct stress_report *report, const struct stress_result *result)
{
	json *entry = json_object_new_object();
	char *repro = stress_repro(report->options, result);

	json_add_text(entry, "workload", result->scenario);
	json_add_hex(entry, "seed", result->seed);
	json_add_seconds(entry, "run_seconds", result->duration_ns);
	json_add_number(entry, "steps", result->steps);
	json_add_number(entry, "looks", result->progress.looks);
	json_add_number(entry, "check_count", result->progress.checks);
	json_add_flag(entry, "is_cut", result->is_cut);
	if (result->plant)
		add_plant(entry, result);
	json_add(entry, "chaos", acts_json(result));
	if (result->reclaims)
		json_add(entry, "reclaim", reclaim_json(&result->progress.reclaim));
	json_add(entry, "vm_resources", trend_json(&result->vm_trend));
	json_add(entry, "inspector_resources", trend_json(&result->inspector_trend));
	json_add(entry, "discoveries", found_json(result));
	json_add_text(entry, "reproduce", repro ? repro : "");
	free(repro);
	if (report->options->save_directory)
		json_add(entry, "restore", saved_json(report, result));
	return entry;
}

void stress_report_begin_lines(void)
{
	answer_follow("stress", NULL);
	answer_list("rounds", "round");
}

void stress_report_print_line(const struct stress_report *report,
			      const struct stress_result *result)
{
	answer_item(round_json(report, result));
}

static json *summary_json(const struct stress_report *report)
{
	json *object = json_object_new_object();
	unsigned found = 0;

	for (unsigned i = 0; i < report->count; i++)
		found += report->results[i].found_count > 0;
	json_add_number(object, "rounds_with_findings", found);
	json_add_flag(object, "is_interrupted", report->interrupted);
	json_add_number(object, "cpus", report->options->round.guest.cpus);
	json_add_number(object, "memory_bytes", report->options->round.guest.memory);
	json_add_seconds(object, "run_seconds", report->duration_ns);
	return object;
}

int stress_report_print_json(const struct stress_report *report, int status)
{
	json *summary = summary_json(report);

	if (answer_is_lines()) {
		answer_end(summary, status);
		return output_flush();
	}
	answer_begin("stress", summary);
	answer_list("rounds", "round");
	for (unsigned i = 0; i < report->count; i++)
		answer_item(round_json(report, &report->results[i]));
	answer_end(NULL, status);
	return output_flush();
}
