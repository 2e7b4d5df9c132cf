/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Claims free frames of a running guest, takes their bytes, and gives them back: one batch at a time, each inside
 * of the gate.
 *
 *     claim     slots UNUSED -> HOST, marked in the dirty log; frames punched, and marked as well
 *     release   with new bytes if wanted; slots HOST -> UNUSED, both marked
 *
 * A punch is a write that KVM's log lacks: without the mark, a capture would keep the bytes from before. What is
 * written comes first and what is marked second, so that nobody reads the old bytes and finds the mark gone. The
 * guest's boot, its stage and the place of its records are read again between claim and punch: after a reset they
 * are another life's.
 *
 * Stopping between any two batches leaves nothing half done. Used by one thread, which is registered with liburcu.
 */
#ifndef VMM_KEEPER_H
#define VMM_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/keeper.h>

#include "base/error.h"
#include "kind/claims.h"
#include "manage/ages.h"
#include "manage/gate.h"
#include "manage/keeper_words.h"
#include "manage/ledger.h"
#include "memory/guest_memory.h"
#include "memory/management.h"

/* At most so many frames at a time. */
#define KEEPER_BATCH 2048

/* Since the keeper was made. */
struct keeper_counts {
	uint64_t claimed;
	uint64_t released;
	uint64_t
		taken_back; /* by the guest, without a release: it cheats itself of its own memory */
	uint64_t lost;      /* races with the guest for a frame */
	uint64_t punches;   /* system calls */
	uint64_t asks;      /* of the guest, answered */
	uint64_t asked;     /* frames that were released for them */
	uint64_t
		refilled; /* frames that had memory again while the host held them: punched again */
	uint64_t restarts; /* of the guest, each of which made the ledger void */
};

/* What a sweep found of the managed frames. */
struct keeper_sweep {
	uint64_t managed;
	uint64_t unused;
	uint64_t cold;   /* of these */
	uint64_t held;   /* HOST, and in the ledger */
	uint64_t forged; /* HOST, and not in the ledger */
};

struct keeper {
	const struct guest_memory *memory;
	struct gate *gate;
	const struct guest *guest;
	bool whole_blocks; /* huge pages are in force: a hole in one splits it, and a touch brings all of it back */
	struct claims claims;
	struct ledger ledger;
	struct ages ages;
	struct keeper_counts counts;
	struct keeper_words words;
	uint32_t cause;    /* the action of the order that is at work; MANAGEMENT_NOTHING: an ask */
	uint64_t batch_ns; /* when the batch at work began */
	void (*between)(
		void *context); /* called in the middle of a look, which may take long; may be NULL */
	void *context;
	uint64_t soft_block; /* where to look for the next block to release on an ask */
	uint64_t batch[KEEPER_BATCH];
};

/* Where the next batch begins. Zero-initialised: with whole blocks, then single frames. */
enum keeper_phase {
	KEEPER_BLOCKS,  /* those of which all frames are claimed, or released, and wanted */
	KEEPER_SINGLES, /* of other blocks */
	KEEPER_REST, /* of a release: a block of which not all frames are wanted, for it is released whole */
	KEEPER_PHASES,
};

struct keeper_cursor {
	enum keeper_phase phase;
	unsigned range;
	uint64_t frame;
};

/* Which frames to claim. */
struct keeper_wish {
	uint64_t frames; /* at most; a call claims KEEPER_BATCH at most */
	bool cold_only;
	bool hard;
};

/*
 * For a memory whose mapped regions all are writable and stay until keeper_destroy. Returns 0 or -ENOMEM.
 */
int keeper_init(struct keeper *keeper, const struct guest_memory *memory, struct gate *gate,
		bool whole_blocks, struct error *err);
void keeper_destroy(struct keeper *keeper);

/*
 * Takes over what the guest reports now. After a restart of the guest everything is forgotten. Returns as
 * guest_claims_read.
 */
int keeper_follow(struct keeper *keeper, const struct guest *guest, struct error *err);

/* Returns 0, or -ESTALE with a text when the guest has ended or restarted; then everything is forgotten. */
int keeper_expect_same_life(struct keeper *keeper, struct error *err);

/*
 * Looks at all managed frames. With `ages`, frames age, ages_due_ns says when, and what the host holds must have no
 * memory: it is punched again if it has. The functions below return -ESTALE,
 * with a text, when the guest has restarted or ended: then the ledger is empty.
 */
int keeper_look(struct keeper *keeper, bool ages, struct keeper_sweep *sweep, struct error *err);

/*
 * Claims in the next window. Returns how many frames were claimed, perhaps none; *more says whether there is a
 * window left. A negative errno of the punch: what could not be punched has been given back, and with it the rest of a block
 * that it made whole; what was punched before is held.
 */
int keeper_claim(struct keeper *keeper, struct keeper_cursor *cursor,
		 const struct keeper_wish *wish, bool *more, struct error *err);

/*
 * Releases up to `frames` frames of the next window, with new bytes if `populate`. Returns how many the host let go
 * of, those that the guest had taken back included. A block of which the host holds all frames is released whole,
 * its first frame last: the guest may have put it aside as one, and look at that frame alone. So up to
 * KEEPER_BLOCK_FRAMES - 1 frames more may be released where nothing else is left.
 */
int keeper_release(struct keeper *keeper, struct keeper_cursor *cursor, uint64_t frames,
		   bool populate, bool *more, struct error *err);

/*
 * Serves an ask of the guest, if there is one: releases a block of 512 soft frames, or as many single ones, or all
 * that are soft if it needs more. Hard ones are not released; the ask is answered all the same. Returns whether
 * there was one; there may be another then.
 */
bool keeper_serve(struct keeper *keeper);

/*
 * Tells the guest whether asking is worth it, after frames were released: while soft ones are held it is. keeper_claim
 * tells it before it claims.
 */
void keeper_announce(struct keeper *keeper);

#endif
