/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The types of one guest, read once and kept: reading and checking BTF takes milliseconds, and a guest's types change
 * only when it boots another kernel.
 */
#ifndef VMM_TYPE_CACHE_H
#define VMM_TYPE_CACHE_H

#include "kind/fields/type_catalog.h"

/* Starts as zeroes. */
struct type_cache {
	struct type_catalog *catalog; /* NULL: none were read yet */
	/* The guest that they belong to. */
	const struct kind *kind;
	uint64_t boot_id;
	unsigned type_count;
	struct frame_type types[FRAME_TYPES_MAX];
};

/*
 * Reads the types of a guest unless the cache has them. The thread is registered with liburcu. Returns 0, or -ENOMEM,
 * which leaves the cache unchanged.
 */
int type_cache_update(struct type_cache *cache, const struct guest *guest, struct error *err);

void type_cache_clear(struct type_cache *cache);

#endif
