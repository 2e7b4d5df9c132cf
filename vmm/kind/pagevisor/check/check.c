/* SPDX-License-Identifier: MPL-2.0 */
/* The check of a guest's page metadata: see check.h. */
#include "kind/pagevisor/check/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <pagevisor/allocator.h>

#include "base/clock.h"
#include "kind/pagevisor/check/context.h"

bool check_read(const struct check *check, uint64_t pa, void *buffer, size_t size)
{
	return guest_memory_copy(check->memory, paddr(pa), buffer, size) == 0;
}

bool check_read_slot(const struct check *check, uint64_t frame, struct meta_slot *slot)
{
	return check_read(check, check->view->array.addr + frame * SLOT_SIZE, slot, sizeof(*slot));
}

struct check_text check_text(const char *format, ...)
{
	struct check_text text;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text.text, sizeof(text.text), format, arguments);
	va_end(arguments);
	return text;
}

void check_finding(struct check *check, const char *rule, uint64_t frame, const char *expected,
		   const char *found)
{
	struct finding finding = {.rule = rule};

	if (frame != FRAME_NUMBER_NONE) {
		finding.has_frame = true;
		finding.frame = pfn_to_paddr(pfn(frame));
	}
	snprintf(finding.expected, sizeof(finding.expected), "%s", expected);
	snprintf(finding.found, sizeof(finding.found), "%s", found);
	findings_add(check->findings, &finding);
}

struct check_text check_describe(const struct check *check, const struct meta_slot *slot)
{
	uint32_t refs = slot_state_refs(slot->state);
	int type = guest_view_type(check->view, slot->vtable_ptr);

	return check_text("%s%s%s", ref_class_name(ref_classify(refs)), ref_in_use(refs) ? " " : "",
			  !ref_in_use(refs) ? ""
			  : type < 0        ? "of no type"
					    : check->view->types[type].name);
}

/* The end of the guest's last piece of RAM. */
static uint64_t ram_end(const struct guest_memory *memory)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);
	const struct memory_region *last = map->count ? &map->regions[map->count - 1] : NULL;
	uint64_t end = last ? last->base.addr + last->size : 0;

	guest_memory_read_end();
	return end;
}

static int run_parts(struct check *check, struct error *err)
{
	struct allocator_descriptor descriptor;
	int result = 0;

	if (check->view->allocator.addr)
		check_free_lists(check, &descriptor);
	check_slots(check);
	check_link_cycles(check);
	check->missing = check->summary->held_frames;
	check->found = malloc((check->missing + 1) * sizeof(*check->found));
	if (!check->found)
		return error_set(err, -ENOMEM, "no memory for a check of %" PRIu64 " frames in use",
				 check->missing);
	if (check->view->page_table.addr)
		result = check_page_table(check, err);
	if (result == 0)
		check_references(check);
	return result;
}

/* A type for tables whose metadata is too short tells nothing of them. */
static int find_table_type(const struct guest_view *view)
{
	int type = guest_view_type_of_role(view, TYPE_ROLE_PAGE_TABLE);

	return type >= 0 && view->types[type].size >= sizeof(struct kernel_page_table_meta) ? type
											    : -1;
}

int check_guest(const struct guest_memory *memory, const struct guest_view *view,
		enum check_rules rules, struct check_summary *summary, struct findings *findings,
		struct error *err)
{
	struct check check = {
		.memory = memory,
		.view = view,
		.rules = rules,
		.summary = summary,
		.findings = findings,
		.table_type = find_table_type(view),
	};
	uint64_t start = clock_now_ns();
	uint64_t frames = ram_end(memory) / PAGE_SIZE;
	int result = 0;

	*summary = (struct check_summary){0};
	*findings = (struct findings){0};
	if (view->slot_count > frames || view->slot_count > UINT32_MAX) {
		check_finding(&check, RULE_SLOT_COUNT, FRAME_NUMBER_NONE,
			      TEXT("at most %" PRIu64, frames), TEXT("%" PRIu64, view->slot_count));
		return 0;
	}
	/* Zeroed lazily: what stays untouched takes no memory. */
	check.marks = calloc(view->slot_count, 1);
	if (check.marks)
		result = run_parts(&check, err);
	else
		result = error_set(err, -ENOMEM, "no memory for a check of %" PRIu64 " slots",
				   view->slot_count);
	free(check.found);
	free(check.marks);
	summary->duration_ns = clock_now_ns() - start;
	return result;
}

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
