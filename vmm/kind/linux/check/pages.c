/* SPDX-License-Identifier: MPL-2.0 */
/* Looks at all pages: each by the rules for one page, free blocks and slabs by the lists that were walked before. */
#include "kind/linux/check/look.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kind/frame_walk.h"
#include "kind/linux/check/linux_rules.h"
#include "kind/linux/check/page_rules.h"

/* Times that a page of a guest that runs is read again at once, before it is a suspect. */
#define PAGE_TRIES 4

struct walk {
	struct look *look;
	struct page_block block; /* the last one that began */
	char tail[64];           /* what was found of the last tail that is none of its head's */
};

/* A page and what is to be said of it. */
struct page {
	struct look *look;
	const struct page_records *in;
	uint64_t pfn;
	const void *record;
	struct frame frame;
	struct page_block block;
	unsigned count;
	struct page_violation list[PAGE_VIOLATIONS_MAX + 1];
};

static bool is_listed(const struct look *look, uint64_t pfn, unsigned order)
{
	return pfn < look->kernel->array.frame_count && look->orders[pfn] == order + 1;
}

/* Whether all lists of that order in the page's zone were walked to their ends. */
static bool is_closed(const struct page *page, unsigned order)
{
	const struct page_layout *layout = page->in->layout;
	uint64_t flags = layout_load(page->record, &layout->flags_word);
	uint64_t node = layout_node(layout, flags), index = layout_zone(layout, flags);

	for (unsigned i = 0; i < page->look->zone_count; i++) {
		const struct look_zone *zone = &page->look->zones[i];

		if (layout->zone_bits && zone->node == node && zone->index == index)
			return zone->closed >> order & 1;
	}
	return false;
}

/* Whether the page's neighbours on a list point at it: then it came to the list after that had been walked. */
static bool is_linked(const struct page *page)
{
	const struct kernel_space *space = &page->look->kernel->found.space;
	const uint64_t node = page->in->vmemmap + page->pfn * LAYOUT_PAGE_SIZE +
			      page->in->layout->lru_next.offset;
	uint64_t next, prev, back, there;

	return kernel_space_word(space, node, &next) == 0 &&
	       kernel_space_word(space, node + 8, &prev) == 0 &&
	       kernel_space_word(space, next + 8, &back) == 0 && back == node &&
	       kernel_space_word(space, prev, &there) == 0 && there == node;
}

static void add(struct page *page, const char *rule, const char *expected, const char *found)
{
	struct page_violation *to = &page->list[page->count++];

	to->rule = rule;
	snprintf(to->expected, sizeof(to->expected), "%s", expected);
	snprintf(to->found, sizeof(to->found), "%s", found);
}

static void check_listed(struct page *page)
{
	struct page_block own = page_block_at(page->in->layout, page->pfn, page->record);
	char text[64];

	if (page->look->zone_count == 0 || own.order < 0 ||
	    is_listed(page->look, page->pfn, (unsigned)own.order) ||
	    !is_closed(page, (unsigned)own.order) || (page->look->is_running && is_linked(page)))
		return;
	snprintf(text, sizeof(text), "a block on a free list of order %d", own.order);
	add(page, LINUX_RULE_UNLISTED, text, "one that is on none");
}

/* Only the head of a slab names its cache. */
static bool is_slab(const struct page *page)
{
	const struct page_layout *layout = page->in->layout;
	uint32_t word = (uint32_t)layout_load(page->record, &layout->mapcount);

	return layout_is_type(layout, word, PAGE_TYPE_SLAB) ||
	       (layout_has_flag(layout, layout_load(page->record, &layout->flags_word),
				PAGE_FLAG_SLAB) &&
		!(layout_load(page->record, &layout->compound_head) & 1));
}

static void check_slab(struct page *page)
{
	const struct look *look = page->look;
	uint64_t cache;
	char text[64];

	if (!look->caches || page->frame.type != PAGE_CLASS_SLAB || !is_slab(page))
		return;
	page->look->slabs++;
	cache = layout_load(page->record, &page->in->layout->slab_cache);
	if (look_has_cache(look, cache))
		return;
	snprintf(text, sizeof(text), "%#" PRIx64, cache);
	add(page, LINUX_RULE_SLAB_CACHE, "a cache that slab_caches has", text);
}

static void check(struct page *page)
{
	page->count = page_rules(page->in, page->pfn, page->record, page->frame.type, &page->block,
				 page->list);
	if (page->count > PAGE_VIOLATIONS_MAX - 1)
		return;
	check_listed(page);
	check_slab(page);
}

/* Reads a page anew, with its neighbours. Returns false if it is gone, or changes all the time. */
static bool read_again(struct page *page, void *record)
{
	_Alignas(8) uint8_t head[LAYOUT_PAGE_SIZE], again[LAYOUT_PAGE_SIZE];
	const struct look *look = page->look;
	struct page_scan scan = {0};

	if (!look_record(look, page->pfn, record) || !look_record(look, page->pfn, again) ||
	    memcmp(record, again, sizeof(again)) != 0)
		return false;
	page->in = &look->in;
	page->record = record;
	if (page->block.order >= 0)
		page->block = look_record(look, page->block.head, head)
				      ? page_block_at(page->in->layout, page->block.head, head)
				      : (struct page_block){.order = -1};
	const struct page_records alone =
		linux_guest_records(look->guest, record, pfn(page->pfn), 1);

	page->frame = page_classify(&alone, &scan, 0);
	return true;
}

/* A head that does not reach its tails is said of the first one. */
static bool is_said(struct walk *walk, const struct page_violation *violation)
{
	if (violation->rule != LINUX_RULE_TAIL)
		return false;
	if (strcmp(walk->tail, violation->found) == 0)
		return true;
	snprintf(walk->tail, sizeof(walk->tail), "%s", violation->found);
	return false;
}

static void look_at_page(struct walk *walk, struct page *page)
{
	_Alignas(8) uint8_t record[LAYOUT_PAGE_SIZE];

	page->count = 0;
	check(page);
	for (unsigned i = 0; page->count && i < PAGE_TRIES && page->look->rereads_left; i++) {
		page->look->rereads_left--;
		if (!read_again(page, record))
			return;
		check(page);
	}
	for (unsigned i = 0; i < page->count; i++)
		if (!is_said(walk, &page->list[i]))
			suspects_add(page->look->suspects, page->list[i].rule, page->pfn,
				     page->list[i].expected, page->list[i].found);
}

static int visit(void *own, const struct frame_batch *batch)
{
	struct walk *walk = own;
	struct look *look = walk->look;
	const struct page_records in =
		linux_guest_records(look->guest, batch->records, batch->first, batch->count);

	for (uint64_t i = 0; batch->frames && i < batch->count; i++) {
		const void *record = batch->records + i * LAYOUT_PAGE_SIZE;
		struct page page = {.look = look,
				    .in = &in,
				    .pfn = batch->first.index + i,
				    .record = record,
				    .frame = batch->frames[i],
				    .block = walk->block};

		/* Not written, or not to be read twice. */
		if (page.frame.state >= PAGE_STATE_COUNT)
			continue;
		look_at_page(walk, &page);
		struct page_block begins = page_block_at(in.layout, page.pfn, record);

		if (begins.order >= 0)
			walk->block = begins;
	}
	return look->guest->cut && *look->guest->cut ? 1 : 0;
}

int look_at_pages(struct look *look)
{
	struct walk walk = {.look = look, .block = {.order = -1}};
	struct read_counters reads = {0};

	error_set(look->err, 0, "the array went away during the check");
	return frame_walk(look->guest, DETAIL_RECORD, visit, &walk, &reads);
}
