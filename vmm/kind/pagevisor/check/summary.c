/* SPDX-License-Identifier: MPL-2.0 */
/* What a check covered: see summary.h. */
#include "kind/pagevisor/check/summary.h"

#include <inttypes.h>
#include <stddef.h>

void check_summary_facts(const struct check_summary *summary, struct facts *facts)
{
	unsigned lists = summary->has_lists ? FACT_IN_LINE : 0;
	unsigned references = summary->has_references ? FACT_IN_LINE : 0;
	const struct fact list[] = {
		{.key = "has_lists", .use = FACT_IS_FLAG, .value = summary->has_lists},
		{.key = "has_references", .use = FACT_IS_FLAG, .value = summary->has_references},
		{.key = "free_frames",
		 .label = "%" PRIu64 " frames in free lists",
		 .use = lists,
		 .value = summary->free_frames},
		{.key = "list_members", .value = summary->list_members},
		{.key = "held_frames",
		 .label = "%" PRIu64 " held",
		 .use = references,
		 .value = summary->held_frames},
		{.key = "tables",
		 .label = "%" PRIu64 " page tables",
		 .use = FACT_IN_LINE,
		 .value = summary->tables},
		{.key = "scanned_bytes", .value = summary->scanned_bytes},
		{.key = "time_ns", .value = summary->duration_ns},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		facts_add(facts, list[i]);
}
