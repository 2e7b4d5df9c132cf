/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The free lists of zones: each node is a page that is marked as a free block of the list's order and zone, and nr_free is their
 * number. All of it changes under the zone's lock only.
 */
#include "kind/linux/check/look.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kind/linux/check/linux_rules.h"
#include "kind/linux/list_walk.h"
#include "kind/linux/check/page_rules.h"

#define BLOCKS_ROOM_MIN 4096

/* The first rule that an attempt found broken. */
struct broken {
	const char *rule; /* NULL: none */
	uint64_t pfn;
	char expected[64], found[64];
};

/* The lists of an order. */
struct area {
	struct look *look;
	const struct linux_zone *zone;
	unsigned order;
	uint64_t va;
};

static int keep_block(struct look *look, uint64_t pfn)
{
	if (look->block_count == look->block_room) {
		uint64_t room = look->block_room ? 2 * look->block_room : BLOCKS_ROOM_MIN;
		uint64_t more = (room - look->block_room) * sizeof(*look->blocks);
		int result = memory_budget_take(look->guest->memory->budget, more, "this check",
						look->err);
		uint64_t *blocks = result == 0 ? realloc(look->blocks, room * sizeof(*look->blocks))
					       : NULL;

		look->taken += result == 0 ? more : 0;
		if (!blocks)
			return result < 0 ? result
					  : error_set(look->err, -ENOMEM, "no memory for a check");
		look->blocks = blocks;
		look->block_room = room;
	}
	look->blocks[look->block_count++] = pfn;
	return 0;
}

static void __attribute__((format(printf, 4, 5)))
breaks(struct broken *broken, const char *rule, uint64_t pfn, const char *format, ...)
{
	va_list values;

	broken->rule = rule;
	broken->pfn = pfn;
	va_start(values, format);
	vsnprintf(broken->found, sizeof(broken->found), format, values);
	va_end(values);
}

static bool is_in_zone(const struct look *look, const struct linux_zone *zone, const void *record)
{
	const struct page_layout *layout = &look->kernel->layout;
	uint64_t flags = layout_load(record, &layout->flags_word);

	return (!layout->node_bits || layout_node(layout, flags) == zone->node) &&
	       (!layout->zone_bits || layout_zone(layout, flags) == zone->index);
}

static bool check_node(const struct area *area, uint64_t node, uint64_t *pfn, struct broken *broken)
{
	const struct page_layout *layout = &area->look->kernel->layout;
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];

	snprintf(broken->expected, sizeof(broken->expected), "a free block of order %u",
		 area->order);
	if (!linux_kernel_page_of_node(area->look->kernel, node, pfn) ||
	    !look_record(area->look, *pfn, record)) {
		breaks(broken, LINUX_RULE_LISTED_PAGE, SUSPECT_NO_FRAME, "a node at %#" PRIx64,
		       node);
		return false;
	}
	if (!layout_is_type(layout, (uint32_t)layout_load(record, &layout->mapcount),
			    PAGE_TYPE_BUDDY)) {
		breaks(broken, LINUX_RULE_LISTED_PAGE, *pfn, "a page that is not marked free");
		return false;
	}
	uint64_t order = layout_load(record, &layout->private_word);

	if (order != area->order) {
		breaks(broken, LINUX_RULE_LISTED_PAGE, *pfn, "order %" PRIu64, order);
		return false;
	}
	if (!is_in_zone(area->look, area->zone, record)) {
		snprintf(broken->expected, sizeof(broken->expected),
			 "a page of zone %u of node %" PRIu64, area->zone->index, area->zone->node);
		breaks(broken, LINUX_RULE_LISTED_ZONE, *pfn, "one of another zone");
		return false;
	}
	return true;
}

/* Where a list is broken: behind a page, or behind its head. */
static void break_list(const struct area *area, const struct list_walk *walk, enum list_step step,
		       unsigned list, struct broken *broken)
{
	uint64_t pfn = SUSPECT_NO_FRAME;

	if (walk->node != walk->head &&
	    !linux_kernel_page_of_node(area->look->kernel, walk->node, &pfn))
		pfn = SUSPECT_NO_FRAME;
	snprintf(broken->expected, sizeof(broken->expected),
		 "a closed list, zone %u order %u type %u", area->zone->index, area->order, list);
	breaks(broken, step == LIST_ENDLESS ? LINUX_RULE_LIST_END : LINUX_RULE_LIST_LINK, pfn, "%s",
	       step == LIST_ENDLESS ? "more nodes than there are frames" : walk->found);
}

/* A node that is wrong does not end the list, but is all that is remembered. Returns an error, 0, or 1 for the walk's end. */
static int take_nodes(const struct area *area, struct list_walk *walk, enum list_step *step,
		      struct broken *broken)
{
	while ((*step = list_walk_next(walk)) == LIST_NODE) {
		uint64_t pfn;
		struct broken wrong = {0};

		if (check_node(area, walk->node, &pfn, &wrong)) {
			int result = keep_block(area->look, pfn);

			if (result < 0)
				return result;
		} else if (!broken->rule) {
			*broken = wrong;
		}
		/* Of a guest that runs: it went over to another list with its node. */
		if (wrong.rule && area->look->is_running)
			return 0;
	}
	return 1;
}

static int walk_list(const struct area *area, unsigned list, struct broken *broken)
{
	struct look *look = area->look;
	const uint64_t most = look->nodes_left;
	struct list_walk walk;
	enum list_step step;

	list_walk_begin(&walk, &look->kernel->found.space,
			area->va + area->zone->layout->free_lists_offset + list * LIST_HEAD_SIZE,
			most);
	int result = take_nodes(area, &walk, &step, broken);

	look_spend(look, most - walk.left);
	if (result > 0 && step != LIST_CLOSED)
		break_list(area, &walk, step, list, broken);
	return result < 0 ? result : 0;
}

static int walk_area(const struct area *area, struct broken *broken)
{
	const struct zone_layout *layout = area->zone->layout;
	const struct kernel_space *space = &area->look->kernel->found.space;
	uint64_t before = 0, after = 0;
	int result = 0;

	*broken = (struct broken){0};
	area->look->block_count = 0;
	kernel_space_word(space, area->va + layout->count_offset, &before);
	for (unsigned i = 0; result == 0 && i < layout->free_lists; i++)
		result = walk_list(area, i, broken);
	kernel_space_word(space, area->va + layout->count_offset, &after);
	if (result == 0 && !broken->rule &&
	    (before != area->look->block_count || after != before)) {
		snprintf(broken->expected, sizeof(broken->expected),
			 "nr_free blocks on the lists, zone %u order %u", area->zone->index,
			 area->order);
		/* The difference stays the same while the number changes. */
		breaks(broken, LINUX_RULE_FREE_COUNT, SUSPECT_NO_FRAME, "%+" PRId64,
		       (int64_t)(area->look->block_count - after));
	}
	return result;
}

/* Of a page that is on the lists of two orders the last one counts. */
static void mark_blocks(struct look *look, unsigned order)
{
	for (uint64_t i = 0; i < look->block_count; i++)
		look->orders[look->blocks[i]] = (uint8_t)(order + 1);
	look->free_blocks += look->block_count;
}

/* A count that is wrong leaves the lists whole. */
static int look_at_area(const struct area *area, struct look_zone *zone)
{
	struct look *look = area->look;
	struct broken broken = {.rule = LINUX_RULE_LIST_LINK};

	for (unsigned i = 0; broken.rule && i < (look->is_running ? LIST_TRIES : 1); i++) {
		if (i > 0 && look_is_over(look))
			break;
		int result = walk_area(area, &broken);

		if (result < 0)
			return result;
	}
	if (broken.rule)
		suspects_add(look->suspects, broken.rule, broken.pfn, broken.expected,
			     broken.found);
	mark_blocks(look, area->order);
	if (zone && (!broken.rule || broken.rule == LINUX_RULE_FREE_COUNT))
		zone->closed |= UINT64_C(1) << area->order;
	return 0;
}

static void look_at_areas(struct look *look, const struct linux_zone *zone)
{
	const struct zone_layout *layout = zone->layout;
	struct look_zone *kept = NULL;

	if (look->zone_count < LOOK_ZONES_MAX) {
		kept = &look->zones[look->zone_count++];
		*kept = (struct look_zone){.node = zone->node, .index = zone->index};
	}
	for (unsigned order = 0; look->result == 0 && order < layout->orders; order++) {
		if (look_is_over(look)) {
			look->has_lists = false;
			return;
		}
		const struct area area = {look, zone, order,
					  zone->va + layout->areas_offset +
						  order * layout->area_size};

		look->result = look_at_area(&area, kept);
	}
}

/* At one instant a list of a zone whose lock is held may be anything. */
static bool look_at_zone(void *own, const struct linux_zone *zone)
{
	const struct zone_layout *layout = zone->layout;
	struct look *look = own;
	bool is_locked = !look->is_running && layout->has_lock &&
			 look_is_locked(look, zone->va + layout->lock_offset);

	if (is_locked)
		look->has_lists = false;
	else
		look_at_areas(look, zone);
	look_at_cpu_lists(look, zone, is_locked);
	return look->result == 0;
}

int look_at_free_lists(struct look *look)
{
	struct error why;
	int result = linux_zones(look->kernel, look_at_zone, look, &why);

	if (look->result < 0)
		return look->result;
	if (result == -EPROTO)
		suspects_add(look->suspects, LINUX_RULE_ZONES, SUSPECT_NO_FRAME,
			     "counts that fit in memory", why.text);
	if (result < 0)
		look->has_lists = look->has_cpu_lists = false;
	return 0;
}
