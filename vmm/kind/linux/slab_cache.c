/* SPDX-License-Identifier: MPL-2.0 */
/* Caches of small objects: see slab_cache.h. */
#include "kind/linux/slab_cache.h"

/* The next one in the list of all caches points back. */
static bool is_listed(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t va)
{
	uint64_t next;

	return fields->cache_list.size == 16 && kernel_is_object(space, va) &&
	       kernel_list_next(space, va + fields->cache_list.offset, &next);
}

bool slab_cache_name(const struct kernel_space *space, const struct owner_fields *fields,
		     uint64_t va, char name[SLAB_NAME_SIZE])
{
	return is_listed(space, fields, va) &&
	       kernel_field_text(space, va, &fields->cache_name, name, SLAB_NAME_SIZE) &&
	       name[0] != '\0';
}
