/* SPDX-License-Identifier: MPL-2.0 */
/* A set of a guest's pages: see page_set.h. */
#include "memory/page_set.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t bytes_of(const struct page_set *set)
{
	return (set->page_count / 64 + 1) * sizeof(*set->bits);
}

int page_set_begin(struct page_set *set, const struct guest_memory *memory, struct error *err)
{
	*set = (struct page_set){.budget = memory->budget};
	memory_ranges_all(memory, &set->all);
	set->page_count = memory_ranges_bytes(&set->all) / PAGE_SIZE;
	int result = memory_budget_take(set->budget, bytes_of(set), "a set of pages", err);

	if (result < 0)
		return result;
	set->bits = calloc(1, bytes_of(set));
	if (set->bits)
		return 0;
	memory_budget_give(set->budget, bytes_of(set));
	return error_set(err, -ENOMEM, "no memory for a set of pages");
}

void page_set_end(struct page_set *set)
{
	if (set->bits)
		memory_budget_give(set->budget, bytes_of(set));
	free(set->bits);
	set->bits = NULL;
}

static void put(struct page_set *set, uint64_t page, bool is_in)
{
	const uint64_t bit = UINT64_C(1) << page % 64;

	if (is_in)
		set->bits[page / 64] |= bit;
	else
		set->bits[page / 64] &= ~bit;
}

static void put_range(struct page_set *set, paddr_t pa, uint64_t size, bool is_in)
{
	const uint64_t start = align_down(pa.addr, PAGE_SIZE);
	const uint64_t end = pa.addr + size < pa.addr ? UINT64_MAX : pa.addr + size;
	uint64_t before = 0;

	for (unsigned i = 0; set->bits && i < set->all.count; i++) {
		const uint64_t base = set->all.list[i].base.addr, length = set->all.list[i].size;
		uint64_t at = start > base ? start : base;

		for (; at < end && at - base < length; at += PAGE_SIZE)
			put(set, before + (at - base) / PAGE_SIZE, is_in);
		before += length / PAGE_SIZE;
	}
}

void page_set_add(struct page_set *set, paddr_t pa, uint64_t size)
{
	put_range(set, pa, size, true);
}

void page_set_remove(struct page_set *set, paddr_t pa, uint64_t size)
{
	put_range(set, pa, size, false);
}

static bool has(const struct page_set *set, uint64_t page)
{
	return set->bits[page / 64] >> page % 64 & 1;
}

/* The first page of the set from `page` on, or the count. */
static uint64_t first_from(const struct page_set *set, uint64_t page)
{
	while (page < set->page_count && !has(set, page)) {
		uint64_t rest = set->bits[page / 64] >> page % 64;

		page = rest ? page + (unsigned)__builtin_ctzll(rest) : (page / 64 + 1) * 64;
	}
	return page < set->page_count ? page : set->page_count;
}

uint64_t page_set_next(const struct page_set *set, uint64_t *at, paddr_t *pa)
{
	uint64_t first = set->bits ? first_from(set, *at) : set->page_count, before = 0;

	for (unsigned i = 0; first < set->page_count && i < set->all.count; i++) {
		uint64_t pages = set->all.list[i].size / PAGE_SIZE, end = first;

		if (first < before + pages) {
			while (end < before + pages && has(set, end))
				end++;
			*at = end;
			*pa = paddr(set->all.list[i].base.addr + (first - before) * PAGE_SIZE);
			return (end - first) * PAGE_SIZE;
		}
		before += pages;
	}
	return 0;
}

uint64_t page_set_bytes(const struct page_set *set)
{
	uint64_t pages = 0;

	for (uint64_t i = 0; set->bits && i <= set->page_count / 64; i++)
		pages += (unsigned)__builtin_popcountll(set->bits[i]);
	return pages * PAGE_SIZE;
}
