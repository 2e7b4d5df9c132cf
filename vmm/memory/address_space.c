/* SPDX-License-Identifier: MPL-2.0 */
/* Where a kernel sees its memory: see address_space.h. */
#include "memory/address_space.h"

void address_space_set_linear(struct address_space *space, uint64_t va)
{
	space->has_linear = is_aligned(va, PAGE_SIZE);
	space->linear_va = space->has_linear ? va : 0;
}

void address_space_add(struct address_space *space, uint64_t va, paddr_t pa, uint64_t size)
{
	const uint64_t offset = va % PAGE_SIZE;
	struct address_mapping *last = space->count ? &space->list[space->count - 1] : NULL;

	if (size == 0 || size > GUEST_MEMORY_MAX || pa.addr % PAGE_SIZE != offset)
		return;
	va -= offset;
	pa.addr -= offset;
	size = align_up(size + offset, PAGE_SIZE);
	if (size - 1 > UINT64_MAX - va || size - 1 > UINT64_MAX - pa.addr)
		return;
	if (last && last->va + last->size == va && last->pa.addr + last->size == pa.addr)
		last->size += size;
	else if (space->count < ADDRESS_MAPPINGS_MAX)
		space->list[space->count++] = (struct address_mapping){va, pa, size};
}

static bool is_in_memory(const struct guest_memory *memory, uint64_t pa)
{
	guest_memory_read_begin();
	bool is_in = memory_map_has(guest_memory_map(memory), paddr(pa), PAGE_SIZE);

	guest_memory_read_end();
	return is_in;
}

bool address_space_has(const struct address_space *space, const struct guest_memory *memory,
		       uint64_t va)
{
	va = align_down(va, PAGE_SIZE);
	if (space->has_linear && is_in_memory(memory, va - space->linear_va))
		return true;
	for (unsigned i = 0; i < space->count; i++) {
		const struct address_mapping *mapping = &space->list[i];
		uint64_t offset = va - mapping->va;

		if (va >= mapping->va && offset < mapping->size &&
		    is_in_memory(memory, mapping->pa.addr + offset))
			return true;
	}
	return false;
}
