/* SPDX-License-Identifier: MPL-2.0 */
/* A memory that notes what is read: see shadow_memory.h. */
#include "kind/linux/shadow_memory.h"

#include <errno.h>
#include <stdlib.h>

#include <pagevisor/address.h>

static int read_and_note(void *own, paddr_t pa, void *buffer, size_t length)
{
	const struct shadow_memory *shadow = own;

	shadow->note(shadow->own, align_down(pa.addr, PAGE_SIZE),
		     align_up(pa.addr + length, PAGE_SIZE));
	return guest_memory_copy(shadow->of, pa, buffer, length);
}

int shadow_memory_begin(struct shadow_memory *shadow, const struct guest_memory *of,
			note_pages *note, void *own, struct error *err)
{
	const struct memory_reader reader = {
		.read = read_and_note,
		.own = shadow,
		.is_constant = true, /* nobody waits for the kernel's clock */
		.chunk = MEMORY_READER_CHUNK_MIN,
	};
	struct memory_map *map = malloc(sizeof(*map));
	int result = map ? guest_memory_init(&shadow->memory, err)
			 : error_set(err, -ENOMEM, "no memory for a memory map");

	if (result < 0) {
		free(map);
		return result;
	}
	shadow->of = of;
	shadow->note = note;
	shadow->own = own;
	shadow->memory.budget = of->budget;
	guest_memory_read_begin();
	*map = *guest_memory_map(of);
	guest_memory_read_end();
	for (unsigned i = 0; result == 0 && i < map->count; i++)
		result = guest_memory_add_copied(&shadow->memory, map->regions[i].base,
						 map->regions[i].size, &reader, err);
	if (result < 0)
		guest_memory_destroy(&shadow->memory);
	free(map);
	return result;
}

void shadow_memory_end(struct shadow_memory *shadow)
{
	guest_memory_destroy(&shadow->memory);
}
