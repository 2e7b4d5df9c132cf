/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finds a guest's RAM in a QEMU process without asking QEMU: by what our guest writes into it.
 *
 * The search looks for the magic of the info page, page by page, in all memory that QEMU can write and has written. The
 * mapping that contains the info page is the RAM. It begins with the guest's first bytes, and ends with as much as the
 * guest's memory map has from 4 GiB up (machines split at different addresses: microvm 3.5 GiB, pc 3, q35 2). The array
 * must then describe the array's own frames as such.
 */
#ifndef VMM_QEMU_RAM_SEARCH_H
#define VMM_QEMU_RAM_SEARCH_H

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/guest.h"
#include "memory/guest_memory.h"
#include "source/qemu/peer.h"
#include "source/qemu/qemu_ram.h"

/*
 * Finds the RAM and where its guest describes itself (*hints), and adds the RAM to `ram`, which has been begun. Of each mapping only the first
 * `search_end` bytes are searched (0: all). Returns 0 or a negative errno with
 * a text: -ENODATA there is no info page, -EAGAIN the guest has not read its memory map yet, -EPROTO the guest's
 * description cannot be true, -EACCES not permitted. On failure the caller ends `ram`.
 */
int ram_search(struct qemu_ram *ram, const struct peer_mappings *mappings, uint64_t search_end,
	       struct guest_hints *hints, struct error *err);

#endif
