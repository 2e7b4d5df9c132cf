/* SPDX-License-Identifier: MPL-2.0 */
/* One pass over the metadata array: see scan.h. */
#include "kind/pagevisor/scan.h"

#include <inttypes.h>
#include <stdio.h>

#include "kind/pagevisor/scan_slots.h"
#include "kind/pagevisor/slot_walk.h"

struct scanner {
	struct scan_rules rules;
	struct scan *scan;     /* what was kept */
	struct scan chunk;     /* the chunk at hand */
	struct findings found; /* in it */
	struct findings *findings;
};

static void add_scan(struct scan *sum, const struct scan *part)
{
	if (sum->frames[REF_CLASS_BUSY] == 0)
		sum->first_busy = part->first_busy;
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		sum->frames[i] += part->frames[i];
	for (unsigned i = 0; i < META_TYPES_MAX; i++)
		sum->types[i] += part->types[i];
	sum->references += part->references;
	sum->holes += part->holes;
	read_counters_add(&sum->reads, &part->reads);
}

static void begin_chunk(void *own)
{
	struct scanner *scanner = own;

	scanner->chunk = (struct scan){0};
	scanner->found = (struct findings){0};
}

static void scan_chunk(void *own, const struct meta_slot *slots, pfn_t first, uint64_t count)
{
	struct scanner *scanner = own;

	scan_slots(&scanner->rules, slots, first, count, &scanner->chunk, &scanner->found);
}

static void count_hole(void *own, pfn_t first, uint64_t count)
{
	struct scanner *scanner = own;

	(void)first;
	scanner->chunk.holes += count;
}

static void count_unstable(void *own, pfn_t first, uint64_t count)
{
	struct scanner *scanner = own;

	(void)first;
	scanner->chunk.reads.slots += count;
	scanner->chunk.reads.unstable += count;
}

static void count_retried(void *own, uint64_t copies)
{
	struct scanner *scanner = own;

	scanner->chunk.reads.retries += copies;
}

static int keep_chunk(void *own)
{
	struct scanner *scanner = own;

	add_scan(scanner->scan, &scanner->chunk);
	findings_append(scanner->findings, &scanner->found);
	return 0;
}

static int lose_chunk(void *own, pfn_t first, uint64_t count)
{
	struct scanner *scanner = own;

	(void)first;
	scanner->scan->reads.slots += count;
	scanner->scan->reads.unstable += count;
	return 0;
}

int scan_array(const struct guest_memory *memory, const struct guest_view *view, struct scan *scan,
	       struct findings *findings)
{
	static const struct slot_visitor visitor = {
		.begin = begin_chunk,
		.slots = scan_chunk,
		.hole = count_hole,
		.unstable = count_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct scanner scanner = {
		.rules = scan_rules_of(view),
		.scan = scan,
		.findings = findings,
	};
	uint64_t start = clock_now_ns();

	*scan = (struct scan){0};
	*findings = (struct findings){0};
	int result = slot_walk(memory, view, &visitor, &scanner);

	scan->duration_ns = clock_now_ns() - start;
	return result;
}

/* `where` is NULL for what has no frame of its own. */
static void compare(enum rule rule, const char *what, uint64_t guest, uint64_t host,
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

void scan_audit(const struct guest_view *view, const struct scan *scan,
		const struct cpu_counters *counters, struct findings *findings)
{
	uint64_t claimed = 0;

	for (unsigned i = 0; i < view->type_count; i++) {
		claimed += counters->claimed[i];
		compare(RULE_TYPE_COUNT, view->types[i].name,
			counters->claimed[i] - counters->dropped[i], scan->types[i], NULL,
			findings);
	}
	compare(RULE_REFERENCE_COUNT, "references", claimed + counters->gets - counters->puts,
		scan->references, NULL, findings);
	compare(RULE_BUSY_AT_END, "busy slots", 0, scan->frames[REF_CLASS_BUSY], &scan->first_busy,
		findings);
}
