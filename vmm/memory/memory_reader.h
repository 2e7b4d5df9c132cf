/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads guest memory that cannot be mapped: another process's private memory, or a remote host's.
 *
 * Each copied region carries its reader; mapped regions, which may exist beside it, need none. A source of copied
 * memory adds its regions with guest_memory_add_copied. From then on, everything that reads guests treats it like any
 * other source:
 *
 *     const struct memory_reader reader = {.read = peek, .own = domain, .chunk = 1 << 20};
 *
 *     guest_memory_init(&source->memory, err);
 *     guest_memory_add_copied(&source->memory, paddr(0), low_size, &reader, err);
 *
 * Nothing is fetched before it is needed: the info page, types and BTF through guest_memory_copy, slots through
 * slot_walk and frame_look, snapshots in chunks. No read-side section is open during a call, so a reader may block; it
 * should give up by itself when its source is gone. Several threads may call it at once.
 */
#ifndef VMM_MEMORY_READER_H
#define VMM_MEMORY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#define MEMORY_READER_CHUNK_MIN (UINT64_C(4) << 10)
#define MEMORY_READER_CHUNK_MAX (UINT64_C(4) << 20)

struct memory_reader {
	/*
	 * Copies `length` bytes at pa, which lie within one region. Returns 0 or a negative errno: -ENOTCONN when the
	 * source is gone. Copies everything or fails; memory that the guest never wrote reads as zeros. Level 2
	 * (slot_copy_reader.h) requires two more things: when the function returns, all of its loads have completed,
	 * and each aligned 64-bit word is copied as a whole. Both hold for a system call, and for a reply that was
	 * waited for.
	 */
	int (*read)(void *own, paddr_t pa, void *buffer, size_t length);

	/*
	 * Reports how the `length` bytes at pa start: with *hole bytes that the guest never wrote, followed by *data
	 * bytes that it may have written. Both are whole pages, as are pa and length; together they are at least one
	 * page. Returns 0 or an error as read does. NULL: the source cannot tell holes from data, and everything counts
	 * as data.
	 */
	int (*find_data)(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data);

	void *own;
	/*
	 * The memory never changes: one copy of anything is consistent. It has no order either, so `read` need not
	 * keep any.
	 */
	bool is_constant;

	size_t chunk; /* best number of bytes for one call: a power of two, MEMORY_READER_CHUNK_MIN to _MAX */
};

#endif
