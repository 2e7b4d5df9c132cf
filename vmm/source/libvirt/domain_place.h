/* SPDX-License-Identifier: MPL-2.0 */
/* Where the guest of a domain describes itself, and how its machine splits its RAM, of which only the size is known. */
#ifndef VMM_LIBVIRT_DOMAIN_PLACE_H
#define VMM_LIBVIRT_DOMAIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

/* Reads guest memory at a physical address. Returns 0 or a negative errno. */
typedef int domain_read(void *own, uint64_t address, void *buffer, size_t size);

struct domain_place {
	bool has_info; /* else the fields below are a guess */
	paddr_t info;
	bool is_still;      /* as of struct guest_place */
	uint64_t low_size;  /* of the RAM from address 0 */
	uint64_t high_size; /* of the RAM from 4 GiB; both together are all of it */
};

/* Kernels are loaded below this address; the search reads no further. */
#define DOMAIN_SEARCH_END (UINT64_C(32) << 20)

/*
 * Searches for a guest of a known kind, `chunk` bytes at a time, and derives the machine's split of its RAM from the
 * guest's memory map; is_costly as in struct guest_hints. Returns 0, found or not; or what `read` returned; or -ENOMEM.
 */
int domain_place_find(domain_read *read, void *own, uint64_t memory_bytes, size_t chunk,
		      bool is_costly, struct domain_place *place);

#endif
