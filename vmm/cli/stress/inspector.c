/* SPDX-License-Identifier: MPL-2.0 */
/* An inspector of a stress run: see inspector.h. */
#include "cli/stress/inspector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/json.h"
#include "cli/confine.h"
#include "cli/exit_status.h"
#include "inspect/observation.h"
#include "view/observation_json.h"
#include "memory/rcu.h"
#include "source/source_open.h"

/* How long to wait until a VM can be attached to: its process starts at the same time. */
#define ATTACH_PATIENCE_NS (20 * NS_PER_S)
#define ATTACH_RETRY_NS    (20 * NS_PER_MS)

/* The longest random pause. */
#define PAUSE_MAX_NS (20 * NS_PER_MS)

static bool attach(struct source *source, const char *vm)
{
	uint64_t deadline = clock_now_ns() + ATTACH_PATIENCE_NS;
	struct error err;

	while (source_open(vm, source, &err) < 0) {
		if (clock_now_ns() > deadline) {
			fprintf(stderr, "%s\n", err.text);
			return false;
		}
		clock_sleep_ns(ATTACH_RETRY_NS);
		deadline_begin();
	}
	return true;
}

static void report_findings(const struct observation *seen, unsigned reported)
{
	for (unsigned i = reported; i < seen->findings.listed; i++) {
		json *line = json_object_new_object();

		json_add_number(line, "steps", facts_value(&seen->counters, "steps"));
		json_add(line, "finding", finding_json(&seen->findings.list[i]));
		json_print_line(line);
	}
}

/* The first scan after the event has it, too. */
static void report_life(const struct observation *seen)
{
	if (seen->life.event == LIFE_GOES_ON || seen->guest->frame_count == 0)
		return;
	json *line = json_object_new_object();

	json_add_number(line, "steps", facts_value(&seen->counters, "steps"));
	json_add_text(line, "event", life_event_key(seen->life.event));
	json_print_line(line);
}

static void report_scan(const struct observation *seen)
{
	json *line = json_object_new_object();

	json_add_number(line, "steps", facts_value(&seen->counters, "steps"));
	json_add_number(line, "allocations", facts_value(&seen->counters, "allocations"));
	json_add_number(line, "frees", facts_value(&seen->counters, "frees"));
	json_add_number(line, "in_use", guest_in_use(seen->guest, &seen->last));
	json_add_number(line, "frames", seen->guest->ram_frames);
	json_print_line(line);
}

bool inspector_report_read(const char *line, struct inspector_report *report)
{
	json *root = json_tokener_parse(line);
	const json *finding = json_member(root, "finding", json_type_object);
	const char *event = json_get_text(root, "event");

	*report = (struct inspector_report){0};
	bool is_report = json_get_number(root, "steps", &report->steps);

	if (finding) {
		report->found = discovery_of_finding(finding, FINDER_LEVEL_2);
		report->found.steps = report->steps;
	} else if (event) {
		report->found = discovery_of_life(event);
		report->found.steps = report->steps;
		is_report = is_report && report->found.finder != FINDER_NONE;
	} else {
		is_report = is_report &&
			    json_get_number(root, "allocations", &report->allocations) &&
			    json_get_number(root, "frees", &report->frees) &&
			    json_get_number(root, "in_use", &report->in_use) &&
			    json_get_number(root, "frames", &report->frames);
	}
	json_object_put(root);
	return is_report;
}

/* A VM that cannot be paused now is left alone: someone else pauses it, or it has ended. */
static void pause_for_a_moment(struct source *source)
{
	struct error ignored;
	uint64_t paused_ns;

	if (control_pause(&source->control, &ignored) < 0)
		return;
	clock_sleep_ns((uint64_t)rand() % PAUSE_MAX_NS);
	control_resume(&source->control, &paused_ns, &ignored);
}

/* Returns false when standard output is gone: nobody reads the reports. */
static bool look(struct source *source, struct observation *seen)
{
	unsigned reported = seen->findings.listed;

	deadline_begin();
	if (observation_look(seen, &source->memory, &source->hints) < 0 || seen->scans == 0)
		return true;
	report_life(seen);
	report_findings(seen, reported);
	report_scan(seen);
	return fflush(stdout) == 0;
}

int stress_inspector(const char *vm, unsigned rate, bool pauses)
{
	struct observation *seen = calloc(1, sizeof(*seen));
	struct source source;
	struct error err;

	srand((unsigned)getpid());
	urcu_memb_register_thread();
	if (!seen || confine_inspector(&vm, 1, &(struct confinement){.pauses = pauses}, &err) < 0 ||
	    !attach(&source, vm)) {
		urcu_memb_unregister_thread();
		free(seen);
		return STATUS_REFUSED;
	}
	while (!source_has_ended(&source) && look(&source, seen)) {
		if (pauses)
			pause_for_a_moment(&source);
		clock_sleep_ns(NS_PER_S / rate);
	}
	observation_end(seen);
	source_close(&source);
	urcu_memb_unregister_thread();
	free(seen);
	return STATUS_OK;
}
