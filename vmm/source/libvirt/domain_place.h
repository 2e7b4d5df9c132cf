/* SPDX-License-Identifier: MPL-2.0 */
/* Where the guest of a domain describes itself, and how its machine has split its RAM, of which only the size is known. */
#ifndef VMM_LIBVIRT_DOMAIN_PLACE_H
#define VMM_LIBVIRT_DOMAIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

/* Reads guest memory at a physical address. Returns 0 or a negative errno. */
typedef int domain_read(void *own, uint64_t address, void *buffer, size_t size);

struct domain_place {
	bool has_info; /* else what follows is a guess */
	paddr_t info;
	uint64_t low_size;  /* of the RAM from 0 on */
	uint64_t high_size; /* of that from 4 GiB on; both together are all of it */
};

/* Kernels are loaded below this: no more is read to find one. */
#define DOMAIN_SEARCH_END (UINT64_C(32) << 20)

/*
 * Looks for a guest of a known kind, `chunk` bytes at a time, and takes from the memory map that it was given how the
 * machine has split its RAM. Returns 0, found or not, or what read returned; -ENOMEM.
 */
int domain_place_find(domain_read *read, void *own, uint64_t memory_bytes, size_t chunk,
		      struct domain_place *place);

#endif
