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
#include <pagevisor/info.h>
#include <pagevisor/slot.h>

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"
#include "memory/guest_memory.h"

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

/* The class of a frame whose slot was never written, or that has none. */
#define FRAME_CLASS_NONE REF_CLASS_COUNT

/* A frame on one side. */
struct frame_side {
	unsigned class; /* enum ref_class, or FRAME_CLASS_NONE */
	uint32_t references;
	uint32_t generation;
	int type; /* index into diff.types while in use, -1: none, or no type's pointer */
};

struct diff_frame {
	paddr_t frame;
	enum frame_change change;
	struct frame_side a, b;
};

/* A type as both sides may have it: types are the same when their names are. */
struct diff_type {
	char name[sizeof(((struct type_view *)0)->name)];
	uint64_t in_use_a, in_use_b;
	uint64_t changes[FRAME_CHANGE_COUNT]; /* by the type in B; of those that vanished, in A */
};

#define DIFF_TYPES_MAX (2 * META_TYPES_MAX)

struct diff {
	uint64_t frames_a, frames_b; /* slots on each side */
	uint64_t changes[FRAME_CHANGE_COUNT];
	uint64_t references_a, references_b;
	unsigned type_count;
	struct diff_type types[DIFF_TYPES_MAX];
	size_t listed, limit;
	struct diff_frame *list; /* the first frames that changed, by address */
};

/* One side: its memory, and where its info page is. */
struct diff_input {
	const struct guest_memory *memory;
	paddr_t info;
	const char *name; /* for messages */
};

/*
 * Compares, and lists at most `limit` frames. Returns 0 or a negative errno with a line of text: -EPROTO a side's
 * info page is broken, -EAGAIN it has no metadata yet, -ENOMEM. After success diff_free is due.
 */
int diff_make(const struct diff_input *a, const struct diff_input *b, size_t limit,
	      struct diff *diff, struct error *err);

void diff_free(struct diff *diff);

#endif
