/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The RAM of a QEMU guest, in QEMU's own address space, as a guest_memory.
 *
 * RAM that QEMU shares (a memfd or a file, share=on) is mapped, read-only. All other RAM is copied, each piece by its
 * own reader. Private memory is read through process_vm_readv. Huge pages are read through their file, because reading
 * a hole through a mapping would allocate a huge page. No reader touches memory that the guest never wrote; for private
 * memory /proc/PID/pagemap shows it.
 */
#ifndef VMM_QEMU_RAM_H
#define VMM_QEMU_RAM_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "memory/guest_memory.h"
#include "source/qemu/peer.h"

enum ram_backing {
	RAM_SHARED,       /* the file is the guest's memory; mapped */
	RAM_HUGE,         /* the same, with huge pages */
	RAM_UNSEALED,     /* the same, but it may shrink, and is not to be mapped then */
	RAM_ANONYMOUS,    /* private to QEMU */
	RAM_PRIVATE_FILE, /* a file's, except where QEMU has written */
};

/* A piece of guest memory in QEMU's address space. */
struct ram_piece {
	const struct qemu_ram *ram;
	paddr_t base;
	uint64_t size;
	uint64_t address; /* in QEMU's address space */
	enum ram_backing backing;
	int fd;             /* -1: none */
	uint64_t fd_offset; /* of the first byte in the file */
};

struct qemu_ram {
	const struct qemu_peer *peer;
	struct guest_memory *memory;
	int pagemap; /* -1: not available */
	bool maps_only_sealed;
	unsigned count;
	struct ram_piece pieces[MEMORY_REGIONS_MAX];
};

/*
 * Readers of `memory` use `ram` and the process until qemu_ram_end; `ram` must stay in place until then. With
 * maps_only_sealed, files that may shrink are read and not mapped: for a caller that must not be killed by one.
 */
void qemu_ram_begin(struct qemu_ram *ram, const struct qemu_peer *peer, bool maps_only_sealed,
		    struct guest_memory *memory);

/*
 * Adds `size` bytes at `address` in QEMU as guest memory at `base`. Returns 0 or a negative errno with a text: -EPROTO
 * not all of it is mapped there, -EBADF its file cannot be opened, -EACCES not permitted, or what guest_memory_add
 * returns.
 */
int qemu_ram_add(struct qemu_ram *ram, const struct peer_mappings *mappings, paddr_t base,
		 uint64_t size, uint64_t address, struct error *err);

/* Closes the files. The memory must have been destroyed, or must not be read any more. */
void qemu_ram_end(struct qemu_ram *ram);

/* Whether any of the RAM is copied. */
bool qemu_ram_is_copied(const struct qemu_ram *ram);

#endif
