/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The types of one guest, read once and kept: reading and checking BTF takes milliseconds, and a guest's types change
 * only when another kernel is booted. One thread brings the cache up to date, any number use what is in it.
 */
#ifndef VMM_TYPE_CACHE_H
#define VMM_TYPE_CACHE_H

#include "kind/fields/type_catalog.h"
#include "memory/published.h"

/* Does not change while somebody has a reference. */
struct cached_types {
	struct published_object object;
	/* Whose they are. */
	const struct kind *kind;
	uint64_t boot_id;
	unsigned type_count;
	struct frame_type types[FRAME_TYPES_MAX];
	struct type_catalog *catalog;
};

/* Starts as zeroes. */
struct type_cache {
	struct published types;
};

/*
 * Reads the types of a guest if those in the cache are another's. The thread is registered with liburcu, in no section,
 * and the only one that does this. Returns 0, or -ENOMEM, and then the cache is what it was.
 */
int type_cache_update(struct type_cache *cache, const struct guest *guest, struct error *err);

/* The types with a reference for the caller, or NULL: none were read yet. */
const struct cached_types *type_cache_take(const struct type_cache *cache);

/* NULL may be given. */
void cached_types_drop(const struct cached_types *types);

/* Nobody uses the cache any more; types that were taken out of it stay until they are dropped. */
void type_cache_clear(struct type_cache *cache);

#endif
