/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How guest memory is read that cannot be mapped: another process's private memory, a remote host's.
 *
 * Each region that is copied carries its reader, beside regions that are mapped and need none. A source that copies adds
 * its regions by guest_memory_add_copied and is then like any other one to all that reads guests:
 *
 *     const struct memory_reader reader = {.read = peek, .own = domain, .chunk = 1 << 20};
 *
 *     guest_memory_init(&source->memory, err);
 *     guest_memory_add_copied(&source->memory, paddr(0), low_size, &reader, err);
 *
 * Nothing is fetched before it is asked for: the info page, types and BTF through guest_memory_copy, slots through
 * slot_walk and frame_look, snapshots in chunks. No read-side section is open during a call, so a reader may block; it
 * should give up by itself when its source is gone. Several threads may call it at once.
 */
#ifndef VMM_MEMORY_READER_H
#define VMM_MEMORY_READER_H

#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#define MEMORY_READER_CHUNK_MIN (UINT64_C(4) << 10)
#define MEMORY_READER_CHUNK_MAX (UINT64_C(4) << 20)

struct memory_reader {
	/*
	 * Copies `length` bytes at pa, which lie within one region. Returns 0 or a negative errno: -ENOTCONN the source
	 * has gone. Whole or not at all; what the guest never wrote reads as zeros. Level 2 (slot_copy_reader.h) asks
	 * two more things of it: when it returns, all of its loads have been done, and an aligned 64-bit word is
	 * copied as a whole. A system call or an answer that was waited for does both.
	 */
	int (*read)(void *own, paddr_t pa, void *buffer, size_t length);

	/*
	 * How the `length` bytes at pa begin: with *hole bytes that the guest never wrote, and *data bytes behind them
	 * that it may have written; whole pages, as pa and length are, and at least one. Returns 0 or as read. NULL: a
	 * source cannot tell, and all is data.
	 */
	int (*find_data)(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data);

	void *own;
	size_t chunk; /* bytes that one call moves best: a power of two, MEMORY_READER_CHUNK_MIN to _MAX */
};

#endif
