/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compares the frames in two states of a guest, A and B: which came into use, which went out of use, and whose type,
 * references or generation changed. Neither memory changes meanwhile: both are captures, or snapshots of running
 * guests.
 */
#ifndef VMM_DIFF_H
#define VMM_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"
#include "kind/guest.h"

enum frame_change {
	FRAME_SAME,
	FRAME_APPEARED, /* in use in B only */
	FRAME_VANISHED, /* in use in A only */
	FRAME_RETYPED,  /* in use in both, with different types */
	FRAME_RECYCLED, /* in use in both with the same type, but rewritten since, by another owner or the same */
	FRAME_RECOUNTED, /* the same incarnation with a different reference count */
	/*
	 * In use in neither, but in another state or used in between. Without references: in use in both, in another
	 * state.
	 */
	FRAME_OTHER,
	FRAME_CHANGE_COUNT,
};

const char *frame_change_name(enum frame_change change);

/* Whether frames of a kind can change in this way: being recycled needs generations, being recounted references. */
bool frame_change_applies(const struct kind *kind, enum frame_change change);

struct diff_frame {
	paddr_t frame;
	enum frame_change change;
	struct frame a, b; /* types: indices into diff.types; states: of each side's kind */
};

/* A type on both sides: types are the same if their names are. */
struct diff_type {
	char name[FRAME_NAME_SIZE];
	uint64_t in_use_a, in_use_b;
	uint64_t changes[FRAME_CHANGE_COUNT]; /* by the type in B; for vanished frames, in A */
};

#define DIFF_TYPES_MAX (2 * FRAME_TYPES_MAX)

struct diff {
	uint64_t frames_a, frames_b; /* on each side */
	uint64_t changes[FRAME_CHANGE_COUNT];
	uint64_t references_a, references_b; /* where the kind counts them */
	unsigned type_count;
	struct diff_type types[DIFF_TYPES_MAX];
	size_t listed, limit;
	struct diff_frame *list; /* the first frames that changed, by address */
};

/*
 * Compares two guests of one kind that are at rest and have frames; lists at most `limit` frames. Returns 0, or a
 * negative errno with a line of text: -EINVAL if they are of different kinds, -ENOMEM, or the error of reading. After
 * success, call diff_free.
 */
int diff_make(const struct guest *a, const struct guest *b, size_t limit, struct diff *diff,
	      struct error *err);

void diff_free(struct diff *diff);

#endif
