/* SPDX-License-Identifier: MPL-2.0 */
/* The types of one guest, kept: see type_cache.h. */
#include "kind/fields/type_cache.h"

#include <errno.h>
#include <string.h>

/* Compares what the guest reports about them. */
static bool are_types_of(const struct type_cache *cache, const struct guest *guest)
{
	return cache->kind == guest->kind && cache->boot_id == guest->boot_id &&
	       cache->type_count == guest->type_count &&
	       memcmp(cache->types, guest->types, guest->type_count * sizeof(guest->types[0])) == 0;
}

int type_cache_update(struct type_cache *cache, const struct guest *guest, struct error *err)
{
	if (cache->catalog && are_types_of(cache, guest))
		return 0;
	struct type_catalog *catalog = guest_type_catalog(guest);

	if (!catalog)
		return error_set(err, -ENOMEM, "no memory for the guest's types");
	type_cache_clear(cache);
	cache->catalog = catalog;
	cache->kind = guest->kind;
	cache->boot_id = guest->boot_id;
	cache->type_count = guest->type_count;
	memcpy(cache->types, guest->types, sizeof(cache->types));
	return 0;
}

void type_cache_clear(struct type_cache *cache)
{
	type_catalog_free(cache->catalog);
	cache->catalog = NULL;
}
