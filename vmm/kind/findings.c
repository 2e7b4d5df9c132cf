/* SPDX-License-Identifier: MPL-2.0 */
/* Broken invariants: see findings.h. */
#include "kind/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *rule_name(enum rule rule)
{
	static const char *const names[RULE_COUNT] = {
		[RULE_ILLEGAL_REFERENCES] = "illegal_references",
		[RULE_WILD_VTABLE] = "wild_vtable",
		[RULE_META_PAGE] = "meta_page",
		[RULE_TYPE_COUNT] = "type_count",
		[RULE_REFERENCE_COUNT] = "reference_count",
		[RULE_BUSY_AT_END] = "busy_at_end",
		[RULE_STUCK_BUSY] = "stuck_busy",
		[RULE_SLOT_COUNT] = "slot_count",
		[RULE_KERNEL_FRAME] = "kernel_frame",
		[RULE_ALLOCATOR] = "allocator",
		[RULE_FREE_LINK] = "free_link",
		[RULE_FREE_COUNT] = "free_count",
		[RULE_LISTED_TWICE] = "listed_twice",
		[RULE_LISTED_IN_USE] = "listed_in_use",
		[RULE_FREE_TAG] = "free_tag",
		[RULE_FOREIGN_FRAME] = "foreign_frame",
		[RULE_LOST_FRAME] = "lost_frame",
		[RULE_LEAKED_FRAME] = "leaked_frame",
		[RULE_LIST_LINK] = "list_link",
		[RULE_PAGE_TABLE] = "page_table",
		[RULE_TABLE_REFERENCES] = "table_references",
		[RULE_LOST_TABLE] = "lost_table",
		[RULE_WILD_ENTRY] = "wild_entry",
		[RULE_MAPPING] = "mapping",
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
	snprintf(buffer, size, "%s: %s: expected %s, found %s", where, rule_name(finding->rule),
		 finding->expected, finding->found);
}
