/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The result of a run, for programs. Times are counted from the start of the command. Parts that the run did not reach have
 * no members.
 */

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "cli/run/report.h"
#include "kind/kind.h"
#include "sandbox/sandbox.h"
#include "view/answer.h"
#include "view/kind_json.h"
#include "view/observation_json.h"

static json *boot_json(const struct report *report)
{
	json *boot = json_object_new_array();

	for (enum boot_stage stage = STAGE_ENTERED; stage < STAGE_COUNT; stage++) {
		json *reached;

		if (!boot_stages_at(report->stages, stage))
			continue;
		reached = json_object_new_object();
		json_add_text(reached, "stage", boot_stage_name(stage));
		json_add_seconds(reached, "at_seconds", report_stage_ns(report, stage));
		json_object_array_add(boot, reached);
	}
	return boot;
}

static json *rates_json(const struct report *report)
{
	json *rates = json_object_new_object();

	rates_add_json(rates, "steps",
		       report_per_second(report, facts_value(&report->seen->counters, "steps")));
	return rates;
}

static json *failures_json(const struct report *report)
{
	json *list = json_object_new_array();

	for (unsigned i = 0; i < report->console->count; i++) {
		const struct console_failure *failure = &report->console->failures[i];
		json *entry = json_object_new_object();

		json_add_text(entry, "failure", console_event_name(failure->event));
		json_add_text(entry, "rule", failure->rule);
		if (failure->has_frame)
			json_add_frame(entry, failure->frame / PAGE_SIZE);
		json_add_text(entry, "text", failure->text);
		json_add_seconds(entry, "at_seconds", failure->at_ns - report->start_ns);
		json_object_array_add(list, entry);
	}
	return list;
}

static void add_exception(json *root, const struct guest_panic *panic)
{
	json *exception = json_object_new_object(), *registers = json_object_new_object();

	json_add_number(exception, "vector", panic->vector);
	json_add_hex(exception, "error_code", panic->error_code);
	for (unsigned i = 0; i < panic->register_count; i++)
		json_add_hex(registers, panic->registers[i].name, panic->registers[i].value);
	json_add(root, "exception", exception);
	json_add(root, "registers", registers);
}

static json *panic_json(const struct report *report, const struct guest_panic *panic)
{
	json *root = json_object_new_object(), *list = json_object_new_array();

	json_add_text(root, "reason", panic->reason);
	json_add_number(root, "cpu", panic->cpu);
	if (panic->is_exception)
		add_exception(root, panic);
	for (unsigned i = 0; i < panic->frame_count; i++) {
		json *entry = json_object_new_object();
		const char *name;
		uint64_t offset;

		json_add_hex(entry, "va", panic->frames[i]);
		if (report_frame_symbol(report, panic, i, &name, &offset)) {
			json_add_text(entry, "function", name);
			json_add_number(entry, "function_offset", offset);
		}
		json_object_array_add(list, entry);
	}
	json_add(root, "backtrace", list);
	return root;
}

json *planted_json(const struct planted_fault *planted)
{
	json *entry = json_object_new_object();

	json_add_frame(entry, planted->frame / PAGE_SIZE);
	json_add_number(entry, "steps", planted->steps);
	return entry;
}

/* What confined the VMM. */
static json *sandbox_json(void)
{
	struct sandbox_support support = sandbox_support();
	json *sandbox = json_object_new_object();

	json_add_flag(sandbox, "seccomp", sandbox_is_on() && support.has_seccomp);
	json_add_number(sandbox, "landlock", sandbox_is_on() ? (uint64_t)support.landlock_abi : 0);
	return sandbox;
}

/* What was asked for. */
static json *options_json(const struct report *report)
{
	const struct run_options *options = report->options;
	json *root = json_object_new_object();

	json_add_text(root, "vm", options->name);
	if (report->seen)
		json_add_text(root, "workload", options->workload);
	json_add_number(root, "memory_bytes", options->guest.memory);
	json_add_number(root, "cpus", options->guest.cpus);
	json_add_hex(root, "seed", options->guest.seed);
	json_add_text(root, "accelerator", accel_name(report->accel));
	return root;
}

static void add_observation(json *root, const struct report *report)
{
	const struct observation *seen = report->seen;

	if (seen->is_known) {
		json_add_text(root, "kind", seen->guest->kind->name);
		observation_add_json(root, seen);
		if (seen->counters.count)
			kind_add(root, seen->guest->kind, "rates", rates_json(report));
	} else {
		observation_add_json(root, seen);
	}
	observation_add_findings(root, seen, true);
}

int report_print_json(const struct report *report)
{
	char verdict[sizeof(report->end->text.text)];
	struct guest_panic panic;
	json *root = options_json(report);

	report_verdict(report, verdict, sizeof(verdict));
	json_add_text(root, "result", verdict);
	json_add_seconds(root, "run_seconds", report->end_ns - report->start_ns);
	json_add_seconds(root, "started_monotonic_seconds", report->start_ns);
	json_add_number(root, "vmm_overhead_bytes", report->overhead_bytes);
	if (report->sees_strays)
		json_add_number(root, "stray_accesses", report->stray_accesses);
	json_add_number(root, "console_dropped_bytes", report->dropped_bytes);
	json_add(root, "sandbox", sandbox_json());
	json_add(root, "boot", boot_json(report));
	json_add(root, "guest_failures", failures_json(report));
	if (report_panic(report, &panic))
		json_add(root, "panic", panic_json(report, &panic));
	if (report->console->planted.is_planted)
		json_add(root, "planted", planted_json(&report->console->planted));
	if (report->seen)
		add_observation(root, report);
	answer_print("run", root, report_status(report));
	return output_flush();
}
