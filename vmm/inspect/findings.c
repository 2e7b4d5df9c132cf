/* SPDX-License-Identifier: MPL-2.0 */
/* Broken invariants: see findings.h. */
#include "inspect/findings.h"

#include <inttypes.h>
#include <stdio.h>

const char *rule_name(enum rule rule)
{
	static const char *const names[RULE_COUNT] = {
		[RULE_ILLEGAL_REFERENCES] = "illegal_references",
		[RULE_WILD_VTABLE] = "wild_vtable",
		[RULE_META_PAGE] = "meta_page",
		[RULE_TYPE_COUNT] = "type_count",
		[RULE_REFERENCE_COUNT] = "reference_count",
		[RULE_BUSY_AT_END] = "busy_at_end",
	};

	return names[rule];
}

static bool is_listed(const struct findings *findings, const struct finding *finding)
{
	for (unsigned i = 0; i < findings->listed; i++) {
		const struct finding *other = &findings->list[i];

		if (finding->has_frame && other->has_frame && other->rule == finding->rule &&
		    other->frame.addr == finding->frame.addr)
			return true;
	}
	return false;
}

void findings_add(struct findings *findings, const struct finding *finding)
{
	if (is_listed(findings, finding))
		return;
	findings->total++;
	if (findings->listed < FINDINGS_MAX)
		findings->list[findings->listed++] = *finding;
}

void finding_format(const struct finding *finding, char *buffer, size_t size)
{
	char where[32] = "whole guest";

	if (finding->has_frame)
		snprintf(where, sizeof(where), "frame %#" PRIx64, finding->frame.addr);
	snprintf(buffer, size, "%s: %s: expected %s, found %s", where, rule_name(finding->rule),
		 finding->expected, finding->found);
}
