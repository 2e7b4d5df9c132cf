/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What became of the frames between two states of a guest, A and B: which came into use, which went, whose
 * type, references or generation changed. Both memories are at rest: captures, or snapshots of guests that run.
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
	FRAME_APPEARED,  /* in use in B only */
	FRAME_VANISHED,  /* in use in A only */
	FRAME_RETYPED,   /* in use in both, of another type */
	FRAME_RECYCLED,  /* in use in both and of one type, but written by another owner or anew */
	FRAME_RECOUNTED, /* the same incarnation with other references */
	FRAME_OTHER,     /* in use in neither: another state, or used in between */
	FRAME_CHANGE_COUNT,
};

const char *frame_change_name(enum frame_change change);

struct diff_frame {
	paddr_t frame;
	enum frame_change change;
	struct frame a, b; /* types are indices into diff.types, states those of each side's kind */
};

/* A type as both sides may have it: types are the same when their names are. */
struct diff_type {
	char name[FRAME_NAME_SIZE];
	uint64_t in_use_a, in_use_b;
	uint64_t changes[FRAME_CHANGE_COUNT]; /* by the type in B; of those that vanished, in A */
};

#define DIFF_TYPES_MAX (2 * FRAME_TYPES_MAX)

struct diff {
	uint64_t frames_a, frames_b; /* slots on each side */
	uint64_t changes[FRAME_CHANGE_COUNT];
	uint64_t references_a, references_b; /* where the kind counts them */
	unsigned type_count;
	struct diff_type types[DIFF_TYPES_MAX];
	size_t listed, limit;
	struct diff_frame *list; /* the first frames that changed, by address */
};

/*
 * Compares two guests at rest, of one kind, that have frames; lists at most `limit` frames. Returns 0 or a negative errno
 * with a line of text: -EINVAL they are of two kinds, -ENOMEM. After success diff_free is due.
 */
int diff_make(const struct guest *a, const struct guest *b, size_t limit, struct diff *diff,
	      struct error *err);

void diff_free(struct diff *diff);

#endif
