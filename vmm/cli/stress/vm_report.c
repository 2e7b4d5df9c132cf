/* SPDX-License-Identifier: MPL-2.0 */
/* What is read in the JSON reports of `run` and `check`: see vm_report.h. */
#include "cli/stress/vm_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json.h>

static const char *member_text(struct json_object *object, const char *name)
{
	struct json_object *member;

	return json_object_object_get_ex(object, name, &member) ? json_object_get_string(member)
								: "";
}

static void read_finding(struct json_object *entry, enum finder finder, struct discovery *found)
{
	struct json_object *frame;
	char where[32] = "whole guest";

	*found = (struct discovery){.finder = finder};
	found->has_frame = json_object_object_get_ex(entry, "frame", &frame);
	if (found->has_frame) {
		found->frame = json_object_get_uint64(frame);
		snprintf(where, sizeof(where), "frame %#" PRIx64, found->frame);
	}
	snprintf(found->rule, sizeof(found->rule), "%s", member_text(entry, "rule"));
	snprintf(found->text, sizeof(found->text), "%s: %s: expected %.80s, found %.80s", where,
		 found->rule, member_text(entry, "expected"), member_text(entry, "found"));
}

unsigned vm_report_findings(const char *text, enum finder finder, struct discovery *found,
			    unsigned max)
{
	struct json_object *root = json_tokener_parse(text);
	struct json_object *list;
	unsigned count = 0;

	if (json_object_object_get_ex(root, "findings", &list) &&
	    json_object_is_type(list, json_type_array))
		while (count < max && count < json_object_array_length(list)) {
			read_finding(json_object_array_get_idx(list, count), finder, &found[count]);
			count++;
		}
	json_object_put(root);
	return count;
}

uint64_t vm_report_steps(const char *text)
{
	struct json_object *root = json_tokener_parse(text);
	struct json_object *work, *steps;
	uint64_t value = 0;

	if (json_object_object_get_ex(root, "work", &work) &&
	    json_object_object_get_ex(work, "steps", &steps))
		value = json_object_get_uint64(steps);
	json_object_put(root);
	return value;
}
