/* SPDX-License-Identifier: MPL-2.0 */
/* The page cache of a file, an xarray (include/linux/xarray.h): see file_pages.h. */
#include "kind/linux/file_pages.h"

#define WORD_BITS 64

/* The two low bits of an entry: 0 a pointer, 2 the xarray's own, odd a number. */
#define TAG_MASK     UINT64_C(3)
#define TAG_INTERNAL UINT64_C(2)

/* Internal entries up to here are no nodes. */
#define NODE_MIN 4096

static bool is_node(uint64_t entry)
{
	return (entry & TAG_MASK) == TAG_INTERNAL && entry > NODE_MIN;
}

/* How many bits of an index one node takes; 0: it cannot be. */
static unsigned bits_of(const struct owner_fields *fields)
{
	const uint32_t slots = fields->node_slots.size / sizeof(uint64_t);

	return slots >= 2 && (slots & (slots - 1)) == 0 ? (unsigned)__builtin_ctz(slots) : 0;
}

static bool read_slot(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t node, uint64_t slot, uint64_t *entry)
{
	const struct kernel_field field = {.offset = fields->node_slots.offset +
						     (uint32_t)(slot * sizeof(*entry)),
					   .size = sizeof(*entry)};

	return kernel_field_read(space, node, &field, entry);
}

/* What a node has for an index. An entry that stands for several is in the first of its slots, to which the others lead. */
static bool step(const struct kernel_space *space, const struct owner_fields *fields, uint64_t node,
		 uint64_t slot, uint64_t *entry)
{
	const uint64_t slots = UINT64_C(1) << bits_of(fields);

	if (!read_slot(space, fields, node, slot, entry))
		return false;
	if ((*entry & TAG_MASK) != TAG_INTERNAL || *entry >> 2 >= slots)
		return true;
	return read_slot(space, fields, node, *entry >> 2, entry);
}

bool file_page_at(const struct kernel_space *space, const struct owner_fields *fields,
		  uint64_t mapping, uint64_t index, uint64_t *page)
{
	const unsigned bits = bits_of(fields);
	uint64_t shift = WORD_BITS, next;

	if (!file_pages_are_known(fields) || bits == 0 ||
	    !kernel_field_read(space, mapping, &fields->mapping_pages, page))
		return false;
	if (!is_node(*page) && index != 0)
		return false;
	while (is_node(*page)) {
		const uint64_t node = *page & ~TAG_MASK;

		/* Each node is nearer to the pages, so there is an end. */
		if (!kernel_field_read(space, node, &fields->node_shift, &next) || next >= shift ||
		    (shift == WORD_BITS && next + bits < WORD_BITS && index >> (next + bits)))
			return false;
		shift = next;
		if (!step(space, fields, node, index >> shift & ((UINT64_C(1) << bits) - 1), page))
			return false;
	}
	return (*page & TAG_MASK) == 0 && kernel_is_object(space, *page);
}
