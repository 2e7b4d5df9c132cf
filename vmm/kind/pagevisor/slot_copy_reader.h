/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Level 2 on a source that copies memory instead of mapping it (pread, process_vm_readv, a remote peek): consistent
 * copies of a few neighbouring slots, from three copies in order: states, slots, states.
 *
 * The promise is that of slot_read (slot_reader.h), for the same reason: nothing of the second copy is read before all
 * of the first, and nothing of the third before all of the second. The first copy's states stand for slot_read's first
 * load, the third copy's for its second. The states within the second copy are ignored, because a copy has no order in
 * itself. So a source's copy function must guarantee two things:
 *
 *   - when it returns, all of its loads are done: it is a system call, waits for an answer, or ends in an acquire
 *     fence;
 *   - an aligned 64-bit word is copied as a whole, as memcpy and the kernel's copies do.
 *
 * A slot that changes more often than once in the time of three copies is never read. Copying few slots at a time keeps
 * that time short.
 */
#ifndef VMM_SLOT_COPY_READER_H
#define VMM_SLOT_COPY_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <pagevisor/address.h>

#include "kind/pagevisor/slot_reader.h"

#define SLOT_COPY_MAX   64 /* slots in one call */
#define SLOT_COPY_TRIES 8  /* each costs more than a try of slot_read */

/* Where the copies come from. `copy` returns 0 or a negative errno; it copies everything or fails. */
struct memory_copier {
	int (*copy)(void *source, paddr_t pa, void *buffer, size_t length);
	void *source;
};

struct slot_copy_result {
	enum slot_read_result result;
	struct slot_copy copy; /* set as slot_read sets it */
};

/*
 * Judges three copies of one slot: the state in the first, the slot in the second, the state in the third. Returns true
 * if they are conclusive, with the conclusion in *result. All three were taken within SLOT_READ_TIME_MAX_NS.
 */
bool slot_copy_settle(uint64_t before, const struct meta_slot *slot, uint64_t after,
		      struct slot_copy_result *result);

/*
 * Reads `count` slots, 1 to SLOT_COPY_MAX, the first of which lies at pa. Only slots that changed meanwhile are read
 * again. A slot that is not settled within SLOT_READ_TIME_MAX_NS is unstable: unlike slot_read, this function keeps the
 * time limit itself. Returns 0; -EINVAL for another count; or the error of the copier. After an error the results mean
 * nothing.
 */
int slot_copy_read(const struct memory_copier *copier, paddr_t pa, unsigned count,
		   struct slot_copy_result *results, struct read_counters *counters);

#endif
