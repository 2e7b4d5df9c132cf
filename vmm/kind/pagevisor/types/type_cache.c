/* SPDX-License-Identifier: MPL-2.0 */
/* The types of one guest, kept: see type_cache.h. */
#include "kind/pagevisor/types/type_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_types(struct published_object *object)
{
	struct guest_types *types = (struct guest_types *)object;

	type_catalog_free(types->catalog);
	free(types);
}

/* By what the guest says of them. The names are NUL-terminated, and zeroes behind that. */
static bool are_types_of(const struct guest_types *types, const struct guest_view *view)
{
	const struct guest_view *old = &types->view;

	if (old->types_va != view->types_va || old->type_count != view->type_count ||
	    old->btf.addr != view->btf.addr || old->btf_size != view->btf_size)
		return false;
	for (unsigned i = 0; i < view->type_count; i++)
		if (old->types[i].size != view->types[i].size ||
		    strcmp(old->types[i].name, view->types[i].name) != 0)
			return false;
	return true;
}

static struct guest_types *read_types(const struct guest_view *view,
				      const struct guest_memory *memory)
{
	struct guest_types *types = calloc(1, sizeof(*types));

	if (!types)
		return NULL;
	published_object_init(&types->object, free_types);
	types->view = *view;
	types->catalog = type_catalog_read(view, memory);
	if (types->catalog)
		return types;
	free(types);
	return NULL;
}

int type_cache_update(struct type_cache *cache, const struct guest_view *view,
		      const struct guest_memory *memory, struct error *err)
{
	const struct guest_types *old = type_cache_take(cache);
	bool is_current = old && are_types_of(old, view);

	guest_types_drop(old);
	if (is_current)
		return 0;
	struct guest_types *types = read_types(view, memory);

	if (!types)
		return error_set(err, -ENOMEM, "no memory for the guest's types");
	published_set(&cache->types, &types->object);
	return 0;
}

const struct guest_types *type_cache_take(const struct type_cache *cache)
{
	return (const struct guest_types *)published_take(&cache->types);
}

void guest_types_drop(const struct guest_types *types)
{
	published_drop((struct published_object *)types);
}

void type_cache_clear(struct type_cache *cache)
{
	published_set(&cache->types, NULL);
}
