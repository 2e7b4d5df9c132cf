/* SPDX-License-Identifier: MPL-2.0 */
/* Broken invariants: see findings.h. */
#include "kind/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static void list(struct findings *findings, const struct finding *finding)
{
	if (findings->listed < FINDINGS_MAX && !is_listed(findings, finding))
		findings->list[findings->listed++] = *finding;
}

void findings_add(struct findings *findings, const struct finding *finding)
{
	findings->total++;
	list(findings, finding);
}

void findings_append(struct findings *findings, const struct findings *part)
{
	findings->total += part->total;
	for (unsigned i = 0; i < part->listed; i++)
		list(findings, &part->list[i]);
}

void findings_merge(struct findings *findings, const struct findings *scan)
{
	for (unsigned i = 0; i < scan->listed; i++)
		list(findings, &scan->list[i]);
	if (findings->total < scan->total)
		findings->total = scan->total;
	if (findings->total < findings->listed)
		findings->total = findings->listed;
}

static bool has_finding(const struct findings *findings, const struct finding *wanted)
{
	for (unsigned i = 0; i < findings->listed; i++) {
		const struct finding *other = &findings->list[i];

		if (other->rule == wanted->rule && other->has_frame == wanted->has_frame &&
		    other->frame.addr == wanted->frame.addr &&
		    strcmp(other->expected, wanted->expected) == 0 &&
		    strcmp(other->found, wanted->found) == 0)
			return true;
	}
	return false;
}

void findings_keep_common(struct findings *findings, const struct findings *again)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < findings->listed; i++)
		if (has_finding(again, &findings->list[i]))
			findings->list[kept++] = findings->list[i];
	findings->listed = kept;
	findings->total = kept;
}

void finding_format(const struct finding *finding, char *buffer, size_t size)
{
	char where[32] = "whole guest";

	if (finding->has_frame)
		snprintf(where, sizeof(where), "frame %#" PRIx64, finding->frame.addr);
	snprintf(buffer, size, "%s: %s: expected %s, found %s", where, finding->rule,
		 finding->expected, finding->found);
}
