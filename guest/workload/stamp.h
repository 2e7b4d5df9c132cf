/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ownership stamps: the metadata and the bytes of a frame hold a number that no other owner has. The holder knows the
 * number. If the frame is handed out twice, freed too early or overwritten by others, an owner finds another's stamp.
 */
#ifndef GUEST_STAMP_H
#define GUEST_STAMP_H

#include "workload/workload.h"

/* A reference and the stamp that its frame must carry. */
struct held {
	frame_t frame; /* FRAME_NONE: nothing is held */
	uint64_t serial;
};

#define HELD_NONE ((struct held){FRAME_NONE, 0})

/* A new frame with a stamp of its own; HELD_NONE when no memory is free. */
struct held stamp_alloc(struct worker *worker);

/*
 * For the only holder: the next frame in a chain, which HELD_NONE ends. It is kept in the metadata, where an observer
 * that searches memory for references finds it; the bytes of the frames hold none.
 */
void stamp_set_next(struct held held, struct held next);
struct held stamp_next(struct held held);

/* For a holder: checks the metadata and both ends of the frame's bytes. */
void stamp_check(struct worker *worker, struct held held);

/*
 * For a reference by the bare address: whoever the owner is, the metadata must be that of one owner. False for a frame
 * of another type, which is not checked.
 */
bool stamp_check_any(struct worker *worker, frame_t frame, uint64_t *serial);

/* Checks the frame, then puts the reference. */
void stamp_put(struct worker *worker, struct held held);

#endif
