/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ownership stamps: a frame says in its metadata and in its bytes to whom it was given, by a number that no other owner
 * has. Who holds the frame knows the number: should the frame be handed to somebody else as well, be given back too
 * early or be written by a stranger, one of the two finds another's stamp.
 */
#ifndef GUEST_STAMP_H
#define GUEST_STAMP_H

#include "workload/workload.h"

/* A reference and the stamp that its frame has to bear. */
struct held {
	frame_t frame; /* FRAME_NONE: nothing is held */
	uint64_t serial;
};

#define HELD_NONE ((struct held){FRAME_NONE, 0})

/* A new frame with a stamp of its own; HELD_NONE when no memory is free. */
struct held stamp_alloc(struct worker *worker);

/*
 * For the one holder: what comes behind the frame in a chain, which HELD_NONE ends. It is kept in the metadata, so that who
 * searches memory for references finds it; the bytes of the frames hold none.
 */
void stamp_set_next(struct held held, struct held next);
struct held stamp_next(struct held held);

/* For a holder: metadata, both ends of the frame's bytes. */
void stamp_check(struct worker *worker, struct held held);

/*
 * For one who has a reference from the bare address: whoever the owner is, the metadata is of one. False for a frame of
 * another type, which this does not look at.
 */
bool stamp_check_any(struct worker *worker, frame_t frame, uint64_t *serial);

/* Checks, and gives the reference back. */
void stamp_put(struct worker *worker, struct held held);

#endif
