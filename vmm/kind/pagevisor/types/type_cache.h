/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The types of one guest, read once and kept: reading and checking BTF takes milliseconds, and a guest's types change
 * only when another kernel is booted. One thread brings the cache up to date, any number use what is in it.
 */
#ifndef VMM_TYPE_CACHE_H
#define VMM_TYPE_CACHE_H

#include "kind/pagevisor/guest_view.h"
#include "memory/published.h"
#include "kind/pagevisor/types/type_catalog.h"

/* Does not change while somebody has a reference. */
struct guest_types {
	struct published_object object;
	struct guest_view view; /* as of when they were read: its types are the catalog's */
	struct type_catalog *catalog;
};

/* Starts as zeroes. */
struct type_cache {
	struct published types;
};

/*
 * Reads the guest's types if those that are there are not those of `view`. The thread is registered with liburcu, in no
 * section, and the only one that does this. Returns 0, or -ENOMEM, and then the cache is what it was.
 */
int type_cache_update(struct type_cache *cache, const struct guest_view *view,
		      const struct guest_memory *memory, struct error *err);

/* The types with a reference for the caller, or NULL: none were read yet. */
const struct guest_types *type_cache_take(const struct type_cache *cache);

/* NULL may be given. */
void guest_types_drop(const struct guest_types *types);

/* Nobody uses the cache any more; types that were taken out of it stay until they are dropped. */
void type_cache_clear(struct type_cache *cache);

#endif
