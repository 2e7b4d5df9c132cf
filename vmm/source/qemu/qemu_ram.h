/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The RAM of a QEMU guest, out of QEMU's own address space, as a guest_memory.
 *
 * What QEMU shares (a memfd or a file, share=on) is mapped, read-only. All else is copied, each
 * piece by a reader of its own: private memory through process_vm_readv, huge pages through their file, since to look at a hole
 * of those through a mapping would take a huge page. Memory that the guest never wrote is not touched in any of them:
 * /proc/PID/pagemap tells for private memory.
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
	RAM_HUGE,         /* the same, of huge pages */
	RAM_ANONYMOUS,    /* private to QEMU */
	RAM_PRIVATE_FILE, /* a file's, as far as QEMU has not written it */
};

/* A piece of guest memory in QEMU's address space. */
struct ram_piece {
	const struct qemu_ram *ram;
	paddr_t base;
	uint64_t size;
	uint64_t address; /* in QEMU */
	enum ram_backing backing;
	int fd;             /* -1: none */
	uint64_t fd_offset; /* of the first byte in the file */
};

struct qemu_ram {
	const struct qemu_peer *peer;
	struct guest_memory *memory;
	int pagemap; /* -1: not to be had */
	unsigned count;
	struct ram_piece pieces[MEMORY_REGIONS_MAX];
};

/* Readers of `memory` use ram, which stays where it is, and the process until qemu_ram_end. */
void qemu_ram_begin(struct qemu_ram *ram, const struct qemu_peer *peer,
		    struct guest_memory *memory);

/*
 * Adds `size` bytes that QEMU has at `address` as guest memory at `base`. Returns 0 or a negative errno with a text:
 * -EPROTO it is not all mapped there, -EBADF its file cannot be opened, -EACCES not permitted, or what guest_memory_add says.
 */
int qemu_ram_add(struct qemu_ram *ram, const struct peer_mappings *mappings, paddr_t base,
		 uint64_t size, uint64_t address, struct error *err);

/* Closes the files; the memory is destroyed before or not read any more. */
void qemu_ram_end(struct qemu_ram *ram);

/* Whether some of it is copied. */
bool qemu_ram_is_copied(const struct qemu_ram *ram);

/* Whether some of it is mapped from a file that could be made shorter, which would kill who reads the mapping. */
bool qemu_ram_may_shrink(const struct qemu_ram *ram);

#endif
