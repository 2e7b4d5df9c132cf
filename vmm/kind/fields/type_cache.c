/* SPDX-License-Identifier: MPL-2.0 */
/* The types of one guest, kept: see type_cache.h. */
#include "kind/fields/type_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_types(struct published_object *object)
{
	struct cached_types *types = (struct cached_types *)object;

	type_catalog_free(types->catalog);
	free(types);
}

/* By what the guest says of them. */
static bool are_types_of(const struct cached_types *types, const struct guest *guest)
{
	return types->kind == guest->kind && types->boot_id == guest->boot_id &&
	       types->type_count == guest->type_count &&
	       memcmp(types->types, guest->types, guest->type_count * sizeof(guest->types[0])) == 0;
}

static struct cached_types *read_types(const struct guest *guest)
{
	struct cached_types *types = calloc(1, sizeof(*types));

	if (!types)
		return NULL;
	published_object_init(&types->object, free_types);
	types->kind = guest->kind;
	types->boot_id = guest->boot_id;
	types->type_count = guest->type_count;
	memcpy(types->types, guest->types, sizeof(types->types));
	types->catalog = guest_type_catalog(guest);
	if (types->catalog)
		return types;
	free(types);
	return NULL;
}

int type_cache_update(struct type_cache *cache, const struct guest *guest, struct error *err)
{
	const struct cached_types *old = type_cache_take(cache);
	bool is_current = old && are_types_of(old, guest);

	cached_types_drop(old);
	if (is_current)
		return 0;
	struct cached_types *types = read_types(guest);

	if (!types)
		return error_set(err, -ENOMEM, "no memory for the guest's types");
	published_set(&cache->types, &types->object);
	return 0;
}

const struct cached_types *type_cache_take(const struct type_cache *cache)
{
	return (const struct cached_types *)published_take(&cache->types);
}

void cached_types_drop(const struct cached_types *types)
{
	published_drop((struct published_object *)types);
}

void type_cache_clear(struct type_cache *cache)
{
	published_set(&cache->types, NULL);
}
