/* SPDX-License-Identifier: MPL-2.0 */
/* The owner of a page: see page_owner.h. */
#include "kind/linux/page_owner.h"

#include "kind/linux/file_pages.h"

static bool find_head(const struct page_records *in, uint64_t pfn, const void *record,
		      struct page_owner *owner)
{
	uint64_t flags = layout_load(record, &in->layout->flags_word);
	uint64_t word =
		page_tail_word(in, pfn, record, layout_has_flag(in->layout, flags, PAGE_FLAG_HEAD));

	owner->head = pfn;
	owner->is_tail = word & 1;
	return !owner->is_tail || page_head_of(in->layout, in->vmemmap, pfn, word, &owner->head);
}

bool page_owner_of(const struct page_records *in, uint64_t at, const void *record, int class,
		   struct page_owner *owner)
{
	const struct page_layout *layout = in->layout;
	const struct layout_field *field = class == PAGE_CLASS_SLAB ? &layout->slab_cache
								    : &layout->mapping;
	_Alignas(8) uint8_t copy[LAYOUT_PAGE_SIZE];

	*owner = (struct page_owner){0};
	if (field->size != sizeof(owner->va) || field->page != 0 ||
	    !find_head(in, at, record, owner))
		return false;
	if (owner->is_tail) {
		if (!in->fetch || !in->fetch(in->own, pfn(owner->head), copy))
			return false;
		record = copy;
	}
	owner->va = layout_load(record, field);
	if (class == PAGE_CLASS_SLAB)
		return true;
	owner->va &= ~MAPPING_FLAGS;
	owner->has_index = layout->index.size == sizeof(owner->index) && layout->index.page == 0;
	owner->index = layout_load(record, &layout->index) + (at - owner->head);
	return true;
}

bool page_owner_has_place(const struct page_records *in, const struct kernel_space *space,
			  const struct owner_fields *fields, const struct page_owner *owner,
			  uint64_t at)
{
	uint64_t page;

	return owner->has_index && file_page_at(space, fields, owner->va, owner->index, &page) &&
	       (page == in->vmemmap + at * LAYOUT_PAGE_SIZE ||
		page == in->vmemmap + owner->head * LAYOUT_PAGE_SIZE);
}
