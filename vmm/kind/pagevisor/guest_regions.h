/* SPDX-License-Identifier: MPL-2.0 */
/* The memory map that a guest was given at boot: where its RAM ends. */
#ifndef VMM_GUEST_REGIONS_H
#define VMM_GUEST_REGIONS_H

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/info.h>

#include "kind/guest.h"

/* Reads guest memory at a physical address. Returns 0 or a negative errno. */
typedef int (*guest_read)(void *own, uint64_t address, void *buffer, size_t size);

/*
 * Reads the map that an info page names, each entry once. Returns 0; -EAGAIN if the guest has not read it yet; -EPROTO
 * if the page is of another ABI or the map cannot be valid; or the error of `read`.
 */
int guest_regions_ends(const struct guest_info *info, guest_read read, void *own,
		       struct ram_ends *ends, struct error *err);

#endif
