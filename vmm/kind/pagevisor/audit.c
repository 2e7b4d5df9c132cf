/* SPDX-License-Identifier: MPL-2.0 */
/* Compares the guest's own counters with its slots: see audit.h. */
#include "kind/pagevisor/audit.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/pagevisor/rules.h"

/* `where` is NULL for a count that concerns no single frame. */
static void compare(const char *rule, const char *what, uint64_t guest, uint64_t host,
		    const pfn_t *where, struct findings *findings)
{
	struct finding finding = {.rule = rule, .has_frame = where};

	if (guest == host)
		return;
	if (where)
		finding.frame = pfn_to_paddr(*where);
	snprintf(finding.expected, sizeof(finding.expected), "%" PRIu64 " %s", guest, what);
	snprintf(finding.found, sizeof(finding.found), "%" PRIu64, host);
	findings_add(findings, &finding);
}

void audit(const struct guest_view *view, const struct frame_tally *tally,
	   const struct cpu_counters *counters, struct findings *findings)
{
	uint64_t claimed = 0;

	for (unsigned i = 0; i < view->type_count; i++) {
		claimed += counters->claimed[i];
		compare(RULE_TYPE_COUNT, view->types[i].name,
			counters->claimed[i] - counters->dropped[i], tally->types[i], NULL,
			findings);
	}
	compare(RULE_REFERENCE_COUNT, "references", claimed + counters->gets - counters->puts,
		tally->references, NULL, findings);
	compare(RULE_BUSY_AT_END, "busy slots", 0, tally->states[REF_CLASS_BUSY],
		&tally->first_transient, findings);
}
