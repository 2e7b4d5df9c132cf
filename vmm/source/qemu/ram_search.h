/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finding a guest's RAM in a QEMU process that is not asked: by what our guest writes into it.
 *
 * The info page is searched for by its magic, page by page, in everything that QEMU can write and has written. The
 * mapping that has it is the RAM: its first bytes are the guest's first ones, and as much of its end as the guest's memory
 * map has from 4 GiB on lies there (machines differ in where they part it: microvm 3.5 GiB, pc 3, q35 2). Then the array
 * must say of its own frames that they are the array's.
 */
#ifndef VMM_QEMU_RAM_SEARCH_H
#define VMM_QEMU_RAM_SEARCH_H

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/guest_memory.h"
#include "source/qemu/peer.h"
#include "source/qemu/qemu_ram.h"

/*
 * Finds the RAM and adds it to `ram`, which has been begun, and where the info page is. Returns 0 or a negative errno
 * with a text: -ENODATA there is no info page, -EAGAIN the guest has not read its memory map yet, -EPROTO what it says
 * cannot be true, -EACCES not permitted. On failure `ram` is to be ended.
 */
int ram_search(struct qemu_ram *ram, const struct peer_mappings *mappings, paddr_t *info,
	       struct error *err);

#endif
