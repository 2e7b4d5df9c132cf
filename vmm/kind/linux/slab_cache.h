/* SPDX-License-Identifier: MPL-2.0 */
/* The caches of small objects: struct kmem_cache. */
#ifndef VMM_LINUX_SLAB_CACHE_H
#define VMM_LINUX_SLAB_CACHE_H

#include "kind/linux/owner_fields.h"

#define SLAB_NAME_SIZE 128

/*
 * The name of a cache, as it is: not printable. Caches of equal objects are merged by the kernel, and have the name of the
 * first. Returns false if there is no cache at `va`, which the kernel's list of caches would have.
 */
bool slab_cache_name(const struct kernel_space *space, const struct owner_fields *fields,
		     uint64_t va, char name[SLAB_NAME_SIZE]);

#endif
