/* SPDX-License-Identifier: MPL-2.0 */
/* Finds a guest of ours in the RAM of a PC, of which only the size is known. */
#ifndef VMM_LIBVIRT_GUEST_FIND_H
#define VMM_LIBVIRT_GUEST_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "kind/pagevisor/guest_regions.h"

struct guest_place {
	bool has_info;
	paddr_t info;
	uint64_t low_size;  /* of the RAM from 0 on */
	uint64_t high_size; /* of that from 4 GiB on; both together are all of it */
};

/*
 * Looks for the info page below GUEST_FIND_MAX, where kernels are loaded, and takes from the memory map that it names
 * how the machine has split its RAM; where the map says nothing of use, the split is a guess. A page of another ABI is
 * found as well, for whoever reads it to say so. Returns 0, found or not, or what read returned; -ENOMEM.
 */
#define GUEST_FIND_MAX (UINT64_C(32) << 20)
int guest_find(guest_read read, void *own, uint64_t memory_bytes, size_t chunk,
	       struct guest_place *place);

#endif
