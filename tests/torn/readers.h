/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The readers of the torn-read test. Readers that follow the protocol must never accept a broken set. Each other reader
 * leaves out one part of it and must accept a broken set, or the test proves nothing.
 */
#ifndef TESTS_TORN_READERS_H
#define TESTS_TORN_READERS_H

#include "torn/guest.h"

enum reader_kind {
	READER_SLOT, /* slot_read */
	READER_COPY, /* slot_copy_read by the source's way to copy; pread if memory is mapped */
	READER_COPY_PROCESS, /* slot_copy_read through process_vm_readv */
	READER_WALK,         /* record_walk over the whole array, if it copies */
	READERS_SOUND,

	WRONG_ONE_LOOK = READERS_SOUND, /* copies the slot and does not read the state again */
	WRONG_REFERENCES,               /* reads it again, but ignores the generation */
	WRONG_GENERATION,               /* reads it again, but compares only the generation */
	WRONG_TWO_COPIES,               /* on copies: states, slots, and no states again */
	WRONG_COPIED_REFERENCES, /* on copies: reads states again, but ignores the generation */
	WRONG_WALK,              /* like record_walk when it copies: two copies of many slots */
	READERS,
};

const char *reader_name(enum reader_kind kind);

/* What one reader has seen; each thread has its own. */
struct tally {
	uint64_t visits;
	uint64_t accepted;
	uint64_t changed; /* accepted, with a new generation since this reader's last visit */
	uint64_t not_in_use;
	uint64_t retried;
	uint64_t unstable;
	uint64_t broken[SET_VERDICTS]; /* accepted, except SET_WHOLE */
	uint64_t busy_ns;
	/* The first broken set: */
	uint64_t broken_slot;
	uint64_t broken_after; /* reads accepted before it */
	struct slot_copy broken_copy;
};

static inline uint64_t tally_broken(const struct tally *tally)
{
	return tally->broken[SET_TORN] + tally->broken[SET_RECYCLED] + tally->broken[SET_WILD];
}

/* Adds `part`, which is later than everything in `sum`. */
void tally_add(struct tally *sum, const struct tally *part);

#define TARGETS_MAX 4096

/* All readers of one thread. */
struct readers {
	const struct torn_guest *guest;
	bool takes_part[READERS];            /* that work on this memory */
	unsigned count;                      /* of the targets */
	uint64_t targets[TARGETS_MAX];       /* slots seen to change their generation */
	unsigned place[TARGETS_MAX];         /* by slot: index in targets[] + 1; 0: none */
	uint64_t last[READERS][TARGETS_MAX]; /* generation at the last visit */
	unsigned cursor[READERS];            /* index of the next target */
	struct tally tallies[READERS];
};

void readers_init(struct readers *readers, const struct torn_guest *guest);

/* Searches for changing slots for some milliseconds, and adds them to the targets. Returns the same as readers_turn. */
int readers_find_targets(struct readers *readers);

/*
 * Each reader that takes part visits some targets, slot_read most. The thread is registered with liburcu. Returns 0, or
 * a negative errno when a copy of guest memory failed.
 */
int readers_turn(struct readers *readers);

#endif
