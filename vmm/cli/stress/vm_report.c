/* SPDX-License-Identifier: MPL-2.0 */
/* The reports of `run` and `check`: see vm_report.h. */
#include "cli/stress/vm_report.h"

static void add(struct vm_report *report, struct discovery found)
{
	if (found.finder != FINDER_NONE && report->found_count < VM_REPORT_FOUND_MAX)
		report->found[report->found_count++] = found;
}

static void read_failures(const json *root, struct vm_report *report)
{
	const json *list = json_member(root, "guest_failures", json_type_array);
	uint64_t start_ns = 0;

	json_get_seconds(root, "started_monotonic_seconds", &start_ns);

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		add(report, discovery_of_failure(json_object_array_get_idx(list, i), start_ns));
}

static void read_findings(const json *root, enum finder finder, struct vm_report *report)
{
	const json *list = json_member(root, "findings", json_type_array);

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		add(report, discovery_of_finding(json_object_array_get_idx(list, i), finder));
}

/* What the guest counted, which its kind has under its own key. */
static const json *counters_of(const json *root)
{
	const char *kind = json_get_text(root, "kind");
	const json *own = kind ? json_member(root, kind, json_type_object) : NULL;

	return json_member(own, "counters", json_type_object);
}

void vm_report_read(const char *text, enum finder finder, struct vm_report *report)
{
	json *root = json_tokener_parse(text);
	const json *planted = json_member(root, "planted", json_type_object);

	*report = (struct vm_report){0};
	json_get_number(counters_of(root), "steps", &report->steps);
	report->planted.is_planted = json_get_hex(planted, "address", &report->planted.frame) &&
				     json_get_number(planted, "steps", &report->planted.steps);
	read_failures(root, report);
	read_findings(root, finder, report);
	json_object_put(root);
}
