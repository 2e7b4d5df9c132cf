/* SPDX-License-Identifier: MPL-2.0 */
/* RAM that a local domain's QEMU keeps to itself, read through that process: by root, or by its user where Yama lets it. */
#ifndef VMM_LIBVIRT_PRIVATE_RAM_H
#define VMM_LIBVIRT_PRIVATE_RAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"
#include "memory/guest_memory.h"
#include "source/qemu/peer.h"
#include "source/qemu/qemu_ram.h"

struct private_ram {
	bool is_open;
	bool has_ram; /* `ram` is in use */
	struct qemu_peer peer;
	struct qemu_ram ram;
};

/* Binds it to the process that has this pid now. If it is no QEMU, or not ours to look at, it stays closed. */
void private_ram_open(struct private_ram *own, uint32_t pid);

/*
 * Finds the RAM and the guest in it, as qemu:PID does. Returns 0, with *memory, whose readers use `own` until it is closed; or a
 * negative errno with a text, as ram_search, and nothing is left: it can be tried again.
 */
int private_ram_find(struct private_ram *own, struct guest_memory *memory,
		     struct guest_hints *hints, struct error *err);

/* The memory must have been destroyed. */
void private_ram_close(struct private_ram *own);

#endif
