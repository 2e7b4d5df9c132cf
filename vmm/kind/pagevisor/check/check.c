/* SPDX-License-Identifier: MPL-2.0 */
/* The check of a guest's page metadata: see check.h. */
#include "kind/pagevisor/check/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pagevisor/allocator.h>

#include "base/clock.h"
#include "kind/pagevisor/check/context.h"

/* The end of the guest's last region of RAM. */
static uint64_t ram_end(const struct guest_memory *memory)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);
	const struct memory_region *last = map->count ? &map->regions[map->count - 1] : NULL;
	uint64_t end = last ? last->base.addr + last->size : 0;

	guest_memory_read_end();
	return end;
}

/* Takes from the budget of the guest's memory. */
static int take(struct check *check, uint64_t bytes, struct error *err)
{
	int result = memory_budget_take(check->memory->budget, bytes, "this check", err);

	check->taken += result == 0 ? bytes : 0;
	return result;
}

/*
 * Slots are read in any order. If those of a capture could not be kept, each would mean another megabyte to unpack: such
 * a check would take days, and is refused.
 */
static int check_room(const struct check *check, struct error *err)
{
	const struct guest_view *view = check->view;
	uint64_t bytes = view->slot_count * SLOT_SIZE;

	if (!guest_memory_is_copied(check->memory, view->array, NULL))
		return 0;
	return memory_budget_check(check->memory->budget, bytes, "a check of this capture", err);
}

static int run_parts(struct check *check, struct error *err)
{
	struct allocator_descriptor descriptor;
	int result = 0;

	if (check->view->allocator.addr)
		check_free_lists(check, &descriptor);
	check_slots(check);
	if (check_is_cut(check))
		return 0;
	check_link_cycles(check);
	check->missing = check->summary->held_frames;
	result = take(check, (check->missing + 1) * sizeof(*check->found), err);
	if (result < 0)
		return result;
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

/* A type for tables is ignored if its metadata is too short. */
static int find_table_type(const struct guest_view *view)
{
	int type = guest_view_type_of_role(view, TYPE_ROLE_PAGE_TABLE);

	return type >= 0 && view->types[type].size >= sizeof(struct kernel_page_table_meta) ? type
											    : -1;
}

int check_guest(const struct guest_memory *memory, const struct guest_view *view,
		enum check_rules rules, const volatile sig_atomic_t *cut,
		struct check_summary *summary, struct findings *findings, struct error *err)
{
	struct check check = {
		.memory = memory,
		.view = view,
		.rules = rules,
		.cut = cut,
		.summary = summary,
		.findings = findings,
		.table_type = find_table_type(view),
	};
	uint64_t start = clock_now_ns();
	uint64_t frames = ram_end(memory) / PAGE_SIZE;
	int result = 0;

	*summary = (struct check_summary){.has_all_tables = true,
					  .is_any_instant = rules == CHECK_ANY_INSTANT};
	*findings = (struct findings){0};
	if (view->slot_count > frames || view->slot_count > UINT32_MAX) {
		check_finding(&check, RULE_SLOT_COUNT, FRAME_NUMBER_NONE,
			      TEXT("at most %" PRIu64, frames), TEXT("%" PRIu64, view->slot_count));
		return 0;
	}
	/* Zeroed lazily: what stays untouched takes no memory. */
	result = take(&check, view->slot_count, err);
	if (result == 0)
		result = check_room(&check, err);
	if (result == 0)
		check.marks = calloc(view->slot_count, 1);
	if (check.marks)
		result = run_parts(&check, err);
	else if (result == 0)
		result = error_set(err, -ENOMEM, "no memory for a check of %" PRIu64 " slots",
				   view->slot_count);
	free(check.found);
	free(check.marks);
	memory_budget_give(memory->budget, check.taken);
	summary->is_cut = check_is_cut(&check);
	summary->duration_ns = clock_now_ns() - start;
	return result;
}
