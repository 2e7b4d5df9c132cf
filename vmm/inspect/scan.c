/* SPDX-License-Identifier: MPL-2.0 */
/* One pass over the metadata array: see scan.h. */
#include "inspect/scan.h"

#include <inttypes.h>
#include <stdio.h>

#include "inspect/slot_walk.h"

struct scanner {
	const struct guest_view *view;
	int meta_page;         /* type index, -1: the guest has no such type */
	struct scan *scan;     /* what was kept */
	struct scan chunk;     /* the chunk at hand */
	struct findings found; /* in it */
	struct findings *findings;
};

static void illegal(struct scanner *scanner, paddr_t frame, uint64_t state)
{
	struct finding finding = {
		.rule = RULE_ILLEGAL_REFERENCES, .has_frame = true, .frame = frame};

	snprintf(finding.expected, sizeof(finding.expected), "a legal count");
	snprintf(finding.found, sizeof(finding.found), "%#x", slot_state_refs(state));
	findings_add(&scanner->found, &finding);
}

static void wild(struct scanner *scanner, paddr_t frame, uint64_t vtable_ptr)
{
	struct finding finding = {.rule = RULE_WILD_VTABLE, .has_frame = true, .frame = frame};

	snprintf(finding.expected, sizeof(finding.expected), "one of %u types",
		 scanner->view->type_count);
	snprintf(finding.found, sizeof(finding.found), "%#" PRIx64, vtable_ptr);
	findings_add(&scanner->found, &finding);
}

static void not_meta_page(struct scanner *scanner, paddr_t frame, const char *found)
{
	struct finding finding = {.rule = RULE_META_PAGE, .has_frame = true, .frame = frame};

	snprintf(finding.expected, sizeof(finding.expected), "meta_page");
	snprintf(finding.found, sizeof(finding.found), "%s", found);
	findings_add(&scanner->found, &finding);
}

static bool is_array_frame(const struct guest_view *view, paddr_t frame)
{
	uint64_t size = align_up(view->slot_count * SLOT_SIZE, PAGE_SIZE);

	return frame.addr - align_down(view->array.addr, PAGE_SIZE) < size;
}

static void check_copy(struct scanner *scanner, const struct slot_copy *copy, paddr_t frame,
		       struct scan *scan)
{
	int type = guest_view_type(scanner->view, copy->vtable_ptr);

	if (type < 0) {
		wild(scanner, frame, copy->vtable_ptr);
		return;
	}
	scan->types[type]++;
	if (type != scanner->meta_page && is_array_frame(scanner->view, frame))
		not_meta_page(scanner, frame, scanner->view->types[type].name);
}

static void scan_slot(struct scanner *scanner, const struct meta_slot *slot, paddr_t frame,
		      struct scan *scan)
{
	uint64_t state = slot_read_state(slot);
	enum ref_class class = ref_classify(slot_state_refs(state));
	struct slot_copy copy;

	scan->reads.slots++;
	if (class == REF_CLASS_SHARED || class == REF_CLASS_UNIQUE) {
		switch (slot_read(slot, &copy, &scan->reads)) {
		case SLOT_READ_OK:
			check_copy(scanner, &copy, frame, scan);
			__attribute__((fallthrough));
		case SLOT_READ_NOT_IN_USE:
			class = ref_classify(slot_state_refs(copy.state));
			state = copy.state;
			break;
		case SLOT_READ_UNSTABLE:
			return;
		}
	}
	scan->frames[class]++;
	if (class == REF_CLASS_SHARED)
		scan->references += slot_state_refs(state);
	else if (class == REF_CLASS_UNIQUE)
		scan->references++;
	else if (is_array_frame(scanner->view, frame) && slot_read_state(slot) == state)
		not_meta_page(scanner, frame, ref_class_name(class));
	/* A second look: only what stays is a finding. */
	if (class == REF_CLASS_ILLEGAL && slot_read_state(slot) == state)
		illegal(scanner, frame, state);
}

static void add_scan(struct scan *sum, const struct scan *part)
{
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

static void scan_slots(void *own, const struct meta_slot *slots, pfn_t first, uint64_t count)
{
	struct scanner *scanner = own;

	for (uint64_t i = 0; i < count; i++)
		scan_slot(scanner, &slots[i], pfn_to_paddr(pfn(first.index + i)), &scanner->chunk);
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
		.slots = scan_slots,
		.hole = count_hole,
		.unstable = count_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct scanner scanner = {
		.view = view,
		.meta_page = guest_view_type_named(view, "meta_page"),
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

static void compare(enum rule rule, const char *what, uint64_t guest, uint64_t host,
		    struct findings *findings)
{
	struct finding finding = {.rule = rule};

	if (guest == host)
		return;
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
			counters->claimed[i] - counters->dropped[i], scan->types[i], findings);
	}
	compare(RULE_REFERENCE_COUNT, "references", claimed + counters->gets - counters->puts,
		scan->references, findings);
	compare(RULE_BUSY_AT_END, "busy slots", 0, scan->frames[REF_CLASS_BUSY], findings);
}
