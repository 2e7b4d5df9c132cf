/* SPDX-License-Identifier: MPL-2.0 */
/* Struct pages written by hand: see linux_records.h. */
#include "unit/linux_records.h"

#include <string.h>

static bool fetch(const void *own, pfn_t pfn, void *record)
{
	struct linux_records *records = (struct linux_records *)(uintptr_t)own;
	uint64_t at = pfn.index - RECORDS_FIRST;

	records->fetches++;
	if (pfn.index < RECORDS_FIRST || at >= RECORDS)
		return false;
	memcpy(record, records->bytes[at], LAYOUT_PAGE_SIZE);
	return true;
}

void records_hand(struct linux_records *records, uint64_t at, uint64_t count)
{
	records->fetches = 0;
	records->in = (struct page_records){.layout = &records->layout,
					    .vmemmap = RECORDS_VMEMMAP,
					    .records = records->bytes[at],
					    .first = pfn(RECORDS_FIRST + at),
					    .count = count,
					    .fetch = fetch,
					    .own = records};
}

void records_make(struct linux_records *records, const struct page_layout *layout)
{
	memset(records, 0, sizeof(*records));
	records->layout = *layout;
	for (uint64_t i = 0; i < RECORDS; i++)
		records_put(records, i, &layout->mapcount, UINT32_MAX);
	records_hand(records, 0, RECORDS);
}

void records_put(struct linux_records *records, uint64_t at, const struct layout_field *field,
		 uint64_t value)
{
	memcpy(records->bytes[at + field->page] + field->offset, &value, field->size);
}

void records_flag(struct linux_records *records, uint64_t at, enum page_flag flag)
{
	const struct page_layout *layout = &records->layout;

	records_put(records, at, &layout->flags_word,
		    layout_load(records->bytes[at], &layout->flags_word) |
			    UINT64_C(1) << layout->flags[flag]);
}

void records_use(struct linux_records *records, uint64_t at, unsigned references, uint64_t mapping)
{
	records_put(records, at, &records->layout.refcount, references);
	records_put(records, at, &records->layout.mapping, mapping);
}

void records_type(struct linux_records *records, uint64_t at, enum page_type type)
{
	const struct layout_type *mark = &records->layout.types[type];
	bool is_inverted = mark->mask != UINT32_C(0xff000000);

	/* Where single bits are cleared, all others stand. Where a byte counts, the rest is the owner's. */
	records_put(records, at, &records->layout.mapcount,
		    is_inverted ? ~(mark->mask & ~mark->value) : mark->value | 0x1234);
}

void records_compound(struct linux_records *records, uint64_t at, unsigned order)
{
	const struct page_layout *layout = &records->layout;
	uint64_t head = RECORDS_VMEMMAP + (RECORDS_FIRST + at) * LAYOUT_PAGE_SIZE;

	records_flag(records, at, PAGE_FLAG_HEAD);
	for (uint64_t i = 1; i < UINT64_C(1) << order; i++)
		records_put(records, at + i, &layout->compound_head, head | 1);
	records_put(records, at, &layout->order, order);
}

void records_free(struct linux_records *records, uint64_t at, unsigned order)
{
	records_type(records, at, PAGE_TYPE_BUDDY);
	records_put(records, at, &records->layout.private_word, order);
}
