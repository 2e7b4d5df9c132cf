/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The readers of the torn-read test. Those that follow the protocol must never accept a broken set; each of
 * the others leaves one part of it out and must accept one, or the test proves nothing.
 */
#ifndef TESTS_TORN_READERS_H
#define TESTS_TORN_READERS_H

#include "torn/guest.h"

enum reader_kind {
	READER_SLOT, /* slot_read */
	READER_COPY, /* slot_copy_read, as the memory is copied: by pread where it is mapped */
	READER_COPY_PROCESS, /* slot_copy_read through process_vm_readv */
	READER_WALK,         /* record_walk over the whole array, where it copies */
	READERS_SOUND,

	WRONG_ONE_LOOK = READERS_SOUND, /* copies the slot and does not look at the state again */
	WRONG_REFERENCES,               /* looks again, but not at the generation */
	WRONG_GENERATION,               /* looks again, but only at the generation */
	WRONG_TWO_COPIES,               /* on copies: states, slots, and no states again */
	WRONG_COPIED_REFERENCES,        /* on copies: looks again, but not at the generation */
	WRONG_WALK, /* as record_walk where it copies: two copies of many slots */
	READERS,
};

const char *reader_name(enum reader_kind kind);

/* What a reader has seen; one thread each. */
struct tally {
	uint64_t visits;
	uint64_t accepted;
	uint64_t changed; /* accepted, with another generation than at this reader's last visit */
	uint64_t not_in_use;
	uint64_t retried;
	uint64_t unstable;
	uint64_t broken[SET_VERDICTS]; /* accepted, but for SET_WHOLE */
	uint64_t busy_ns;
	/* The first that was broken: */
	uint64_t broken_slot;
	uint64_t broken_after; /* accepted reads */
	struct slot_copy broken_copy;
};

static inline uint64_t tally_broken(const struct tally *tally)
{
	return tally->broken[SET_TORN] + tally->broken[SET_RECYCLED] + tally->broken[SET_WILD];
}

/* `part` came later than what is in the sum. */
void tally_add(struct tally *sum, const struct tally *part);

#define TARGETS_MAX 4096

/* All readers of one thread. */
struct readers {
	const struct torn_guest *guest;
	bool takes_part[READERS];            /* what can be done on this memory */
	unsigned count;                      /* of the targets: */
	uint64_t targets[TARGETS_MAX];       /* slots whose generation has been seen to change */
	unsigned place[TARGETS_MAX];         /* by slot: one more than its place there, 0: none */
	uint64_t last[READERS][TARGETS_MAX]; /* generation at the last visit */
	unsigned cursor[READERS];            /* the next target */
	struct tally tallies[READERS];
};

void readers_init(struct readers *readers, const struct torn_guest *guest);

/* Looks for slots that change, for some milliseconds, and adds them to the targets. Returns as readers_turn. */
int readers_find_targets(struct readers *readers);

/*
 * Each reader that takes part visits some targets, slot_read most. The thread is registered with liburcu. Returns 0, or
 * what a copy of guest memory failed with.
 */
int readers_turn(struct readers *readers);

#endif
