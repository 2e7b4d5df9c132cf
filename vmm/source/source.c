/* SPDX-License-Identifier: MPL-2.0 */
/* What every source has in common: see source.h. */
#include "source/source.h"

void source_close(struct source *source)
{
	source->ops->close(source);
}

uint64_t source_memory_size(const struct source *source)
{
	uint64_t size = 0;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source->memory);

	for (unsigned i = 0; i < map->count; i++)
		size += map->regions[i].size;
	guest_memory_read_end();
	return size;
}

bool source_has_ended(const struct source *source)
{
	return source->ops->has_ended && source->ops->has_ended(source);
}

const struct control *source_control(const struct source *source)
{
	return source->is_live && !source_has_ended(source) ? &source->control : NULL;
}
