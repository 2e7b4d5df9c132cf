/* SPDX-License-Identifier: MPL-2.0 */
/* One pass over the metadata array: see scan.h. */
#include "inspect/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Slots in one read-side section: some tens of microseconds. */
#define CHUNK_SLOTS 4096
#define CHUNK_TRIES 3

struct scanner {
	const struct guest_view *view;
	struct findings found; /* in the chunk at hand */
	int meta_page;         /* type index, -1: the guest has no such type */
	off_t data_end; /* the backing file is known to have data from the array up to here */
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

/*
 * How many of the slots from `at` on the guest has written, and how many before those it has not: looking at a
 * hole of its RAM would fill it. One search finds the end of a whole stretch of data, which serves the chunks
 * that follow. Holes begin and end at page borders, and so at slots.
 */
static uint64_t written_slots(struct scanner *scanner, const struct memory_region *region,
			      paddr_t at, uint64_t count, uint64_t *hole)
{
	off_t start = (off_t)(region->fd_offset + (at.addr - region->base.addr));
	off_t end = start + (off_t)(count * SLOT_SIZE);
	off_t data = start;

	*hole = 0;
	if (region->fd < 0)
		return count;
	if (start >= scanner->data_end) {
		data = lseek(region->fd, start, SEEK_DATA);
		if (data < 0 || data > end)
			data = end;
		if (data < end)
			scanner->data_end = lseek(region->fd, data, SEEK_HOLE);
	}
	*hole = (uint64_t)(data - start) / SLOT_SIZE;
	if (data == end)
		return 0;
	return (uint64_t)((end < scanner->data_end ? end : scanner->data_end) - data) / SLOT_SIZE;
}

/* Scans slots [first, first + count) in one read-side section. Returns 0 or -EFAULT. */
static int scan_chunk(struct scanner *scanner, const struct guest_memory *memory, uint64_t first,
		      uint64_t count, struct scan *scan)
{
	paddr_t pa = paddr(scanner->view->array.addr + first * SLOT_SIZE);

	*scan = (struct scan){0};
	scanner->found = (struct findings){0};
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);
	const struct meta_slot *slots = memory_map_at(map, pa, count * SLOT_SIZE);

	for (uint64_t i = 0; slots && i < count;) {
		uint64_t hole;
		uint64_t end = written_slots(scanner, memory_map_find(map, pa),
					     paddr(pa.addr + i * SLOT_SIZE), count - i, &hole);

		scan->holes += hole;
		for (end += i += hole; i < end; i++)
			scan_slot(scanner, &slots[i], pfn_to_paddr(pfn(first + i)), scan);
	}
	guest_memory_read_end();
	return slots ? 0 : -EFAULT;
}

/*
 * As scan_chunk, with the bound on the time of level 2 reads: a chunk that took too long proves nothing.
 */
static int scan_chunk_in_time(struct scanner *scanner, const struct guest_memory *memory,
			      uint64_t first, uint64_t count, struct scan *scan)
{
	for (unsigned tries = 0; tries < CHUNK_TRIES; tries++) {
		uint64_t start = clock_now_ns();
		int result = scan_chunk(scanner, memory, first, count, scan);

		if (result < 0 || clock_now_ns() - start < SLOT_READ_TIME_MAX_NS)
			return result;
	}
	*scan = (struct scan){.reads = {.slots = count, .unstable = count}};
	scanner->found = (struct findings){0};
	return 0;
}

int scan_array(const struct guest_memory *memory, const struct guest_view *view, struct scan *scan,
	       struct findings *findings)
{
	struct scanner scanner = {
		.view = view,
		.meta_page = guest_view_type_named(view, "meta_page"),
	};
	uint64_t start = clock_now_ns();
	struct scan chunk;

	*scan = (struct scan){0};
	*findings = (struct findings){0};
	for (uint64_t first = 0; first < view->slot_count; first += CHUNK_SLOTS) {
		uint64_t left = view->slot_count - first;
		int result = scan_chunk_in_time(&scanner, memory, first,
						left < CHUNK_SLOTS ? left : CHUNK_SLOTS, &chunk);

		if (result < 0)
			return result;
		add_scan(scan, &chunk);
		findings_append(findings, &scanner.found);
	}
	scan->duration_ns = clock_now_ns() - start;
	return 0;
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
