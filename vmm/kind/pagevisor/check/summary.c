/* SPDX-License-Identifier: MPL-2.0 */
/* What a check covered: see summary.h. */
#include "kind/pagevisor/check/summary.h"

#include <inttypes.h>
#include <stddef.h>

#include "kind/findings.h"

void check_summary_facts(const struct check_summary *summary, struct facts *facts)
{
	unsigned lists = summary->has_lists ? FACT_IN_LINE : 0;
	unsigned references = summary->has_references ? FACT_IN_LINE : 0;
	const struct fact list[] = {
		{.key = CHECK_IS_COMPLETE,
		 .label = "the rest of the check: it was cut short",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = !summary->is_cut},
		{.key = "has_lists",
		 .label =
			 "free lists: they are being changed, or the guest does not say where they "
			 "are",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = summary->has_lists},
		{.key = "has_references",
		 .label =
			 summary->is_any_instant
				 ? "leaked frames: one instant does not tell them from frames in passage"
				 : "leaked frames: not everything could be searched that may refer to "
				   "them",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = summary->has_references},
		{.key = "has_all_tables",
		 .label = "some page tables: the kernel's page table has too many paths",
		 .use = FACT_IS_FLAG | FACT_IS_GAP,
		 .value = summary->has_all_tables},
		{.key = "free_frames",
		 .label = "%" PRIu64 " frames in free lists",
		 .use = lists,
		 .value = summary->free_frames},
		{.key = "host_frames",
		 .label = "%" PRIu64 " of them the host's",
		 .use = summary->host_frames ? lists : 0,
		 .value = summary->host_frames},
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
		{.key = "check_seconds", .use = FACT_IS_TIME, .value = summary->duration_ns},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		facts_add(facts, list[i]);
}
