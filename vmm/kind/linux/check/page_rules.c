/* SPDX-License-Identifier: MPL-2.0 */
/* The rules for each struct page: see page_rules.h. The kernel's own checks are in mm/page_alloc.c (bad_page). */
#include "kind/linux/check/page_rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "kind/linux/check/linux_rules.h"

/* What the rules see of a page. */
struct seen {
	const struct page_records *in;
	const struct page_layout *layout;
	const void *record;
	uint64_t pfn, flags;
	uint64_t tail_word; /* bit 0: it is a tail */
	uint32_t word;      /* _mapcount, or a type */
	int32_t references;
	int class;
	bool is_head, has_type;
	unsigned count;
	struct page_violation *violations;
};

static bool is_tail(const struct seen *page)
{
	return page->tail_word & 1;
}

static void __attribute__((format(printf, 4, 5)))
violate(struct seen *page, const char *rule, const char *expected, const char *format, ...)
{
	va_list values;

	if (page->count == PAGE_VIOLATIONS_MAX)
		return;
	struct page_violation *to = &page->violations[page->count++];

	*to = (struct page_violation){.rule = rule};
	snprintf(to->expected, sizeof(to->expected), "%s", expected);
	va_start(values, format);
	vsnprintf(to->found, sizeof(to->found), format, values);
	va_end(values);
}

struct page_block page_block_at(const struct page_layout *layout, uint64_t pfn, const void *record)
{
	struct page_block block = {.head = pfn, .order = -1};
	uint64_t order = layout_load(record, &layout->private_word);

	if (layout_is_type(layout, (uint32_t)layout_load(record, &layout->mapcount),
			   PAGE_TYPE_BUDDY) &&
	    order <= layout->order_max && (pfn & ((UINT64_C(1) << order) - 1)) == 0)
		block.order = (int)order;
	return block;
}

static void check_counts(struct seen *page)
{
	const struct page_layout *layout = page->layout;
	/* Until 5.x allocators of small objects may keep something else in the word. */
	bool is_slab = layout_has_flag(layout, page->flags, PAGE_FLAG_SLAB);

	if (page->references < 0)
		violate(page, LINUX_RULE_REFERENCES, "a _refcount of 0 or more", "%" PRId32,
			page->references);
	if (!page->has_type && !is_slab && (int32_t)page->word < -1)
		violate(page, LINUX_RULE_MAP_COUNT, "a _mapcount of -1 or more, or a type",
			"%" PRId32, (int32_t)page->word);
}

static bool is_mappable(int class)
{
	return class == PAGE_CLASS_ANON || class == PAGE_CLASS_KSM || class == PAGE_CLASS_FILE ||
	       class == PAGE_CLASS_SHMEM || class == PAGE_CLASS_HUGETLB;
}

/* How often a head's counts say that its compound page is mapped: the larger of both. */
static int64_t maps_of_head(const struct seen *page)
{
	const struct layout_field *fields[] = {&page->layout->entire_mapcount,
					       &page->layout->large_mapcount};
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	int64_t maps = 0;

	for (unsigned i = 0; i < 2; i++) {
		const void *holder =
			fields[i]->size == 4
				? page_record(page->in, page->pfn + fields[i]->page, copy)
				: NULL;
		int32_t count = holder ? (int32_t)layout_load(holder, fields[i]) : -1;

		if (count + INT64_C(1) > maps)
			maps = count + INT64_C(1);
	}
	return maps;
}

/*
 * Who maps a page takes a reference first and gives it back last. Pages that map themselves without being counted, such as
 * that of zeroes, are no class of these.
 */
static void check_maps(struct seen *page)
{
	int64_t maps;

	if (!is_mappable(page->class) || is_tail(page))
		return;
	if (page->is_head)
		maps = maps_of_head(page);
	else
		maps = page->has_type ? 0 : (int32_t)page->word + INT64_C(1);
	if (page->references >= 0 && maps > page->references)
		violate(page, LINUX_RULE_MAPPED_MORE, "a reference for each mapping",
			"%" PRId32 " references, mapped %" PRId64 " times", page->references, maps);
}

/* Flags that no page of a free block has. What is not here may have a second meaning there. */
static void check_free_flags(struct seen *page)
{
	static const enum page_flag cleared[] = {
		PAGE_FLAG_LOCKED, PAGE_FLAG_LRU,       PAGE_FLAG_ACTIVE,
		PAGE_FLAG_SLAB,   PAGE_FLAG_WRITEBACK, PAGE_FLAG_RESERVED,
	};

	for (unsigned i = 0; i < sizeof(cleared) / sizeof(cleared[0]); i++)
		if (layout_has_flag(page->layout, page->flags, cleared[i])) {
			violate(page, LINUX_RULE_FREE_FLAGS, "none of such flags on a free page",
				"%s", page_flag_names[cleared[i]]);
			return;
		}
}

static void check_free(struct seen *page, const struct page_block *block)
{
	const unsigned most = page->layout->order_max;
	bool is_block = layout_is_type(page->layout, page->word, PAGE_TYPE_BUDDY);
	uint64_t order = layout_load(page->record, &page->layout->private_word);
	bool is_inside = block->order > 0 && page->pfn > block->head &&
			 page->pfn - block->head < UINT64_C(1) << block->order;
	char text[64];

	if (!is_block && !is_inside)
		return;
	if (is_block && order > most) {
		snprintf(text, sizeof(text), "an order of %u or less", most);
		violate(page, LINUX_RULE_FREE_BLOCK, text, "%" PRIu64, order);
	} else if (is_block && page->pfn & ((UINT64_C(1) << order) - 1)) {
		violate(page, LINUX_RULE_FREE_BLOCK, "a block at a multiple of its size",
			"pfn %" PRIu64 ", order %" PRIu64, page->pfn, order);
	}
	if (is_block && is_inside)
		violate(page, LINUX_RULE_FREE_OVERLAP, "the inside of a free block",
			"another one in that at %#" PRIx64, block->head * PAGE_SIZE);
	if (page->references > 0)
		violate(page, LINUX_RULE_FREE_REFERENCES, "no references to a free page",
			"%" PRId32, page->references);
	check_free_flags(page);
}

/* Whether the compound page at `head` is one, and has the tail. */
static void check_head(struct seen *page, uint64_t head)
{
	static const char expected[] = "a head whose compound page has it";
	const struct page_layout *layout = page->layout;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];
	const void *record = page_record(page->in, head, copy), *holder;

	if (!record ||
	    !layout_has_flag(layout, layout_load(record, &layout->flags_word), PAGE_FLAG_HEAD)) {
		violate(page, LINUX_RULE_TAIL, expected, "%#" PRIx64 ", which is no head",
			head * PAGE_SIZE);
		return;
	}
	if (!layout->order.size)
		return;
	holder = page_record(page->in, head + layout->order.page, copy);
	uint64_t order = holder ? layout_load(holder, &layout->order) : 0;

	if (order > COMPOUND_ORDER_MAX || page->pfn - head >= UINT64_C(1) << order)
		violate(page, LINUX_RULE_TAIL, expected, "%#" PRIx64 " of order %" PRIu64,
			head * PAGE_SIZE, order);
}

static void check_tail(struct seen *page)
{
	uint64_t head;

	if (!is_tail(page))
		return;
	if (page_head_of(page->layout, page->in->vmemmap, page->pfn, page->tail_word, &head))
		check_head(page, head);
	else
		violate(page, LINUX_RULE_TAIL, "a head in front of it", "compound_head %#" PRIx64,
			page->tail_word);
}

unsigned page_rules(const struct page_records *in, uint64_t pfn, const void *record, int class,
		    const struct page_block *block, struct page_violation *violations)
{
	const struct page_layout *layout = in->layout;
	struct seen page = {
		.in = in,
		.layout = layout,
		.record = record,
		.pfn = pfn,
		.flags = layout_load(record, &layout->flags_word),
		.class = class,
		.violations = violations,
	};
	uint64_t counts = layout_load(
		record,
		&(struct layout_field){.offset = layout->mapcount.offset, .size = sizeof(counts)});

	page.word = (uint32_t)counts;
	page.references = (int32_t)(counts >> 32);
	page.has_type = (int32_t)page.word < layout->type_end;
	page.is_head = layout_has_flag(layout, page.flags, PAGE_FLAG_HEAD);
	page.tail_word = page_tail_word(in, pfn, record, page.is_head);
	/* Poison: nobody has initialised the record, and nobody has the page. */
	if (page.flags == UINT64_MAX)
		return 0;
	check_counts(&page);
	check_maps(&page);
	check_free(&page, block);
	check_tail(&page);
	return page.count;
}
