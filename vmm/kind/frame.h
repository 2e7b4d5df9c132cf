/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What every kind of guest reports about a page frame. Small enough to build for millions of frames.
 *
 * States and types are indices: a state into the tables of its kind (kind.h), a type into those of its guest (guest.h).
 * What a kind does not promise is 0 here and is never shown.
 */
#ifndef VMM_FRAME_H
#define VMM_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_STATES_MAX 7 /* and the holes: see inspect/incremental.h */
#define FRAME_TYPES_MAX  48
#define FRAME_NAME_SIZE  32 /* of a type's name, with the NUL */
#define FRAME_RECORD_MAX 64 /* bytes of a record: what a guest keeps about one frame */

/* States that every kind has, besides its own. */
#define FRAME_NEVER_WRITTEN 0xfe /* the record lies in memory that the guest never wrote */
#define FRAME_UNSTABLE      0xff /* the record changed during every attempt to read it */

/* Instead of a type. */
#define FRAME_TYPE_NONE (-1) /* not in use, or only its state was read */
#define FRAME_TYPE_WILD (-2) /* in use, but of no type that the guest has */

struct frame {
	uint32_t
		references; /* a shared frame's count; 1 for a single owner; a broken count unchanged */
	uint32_t generation; /* rises by one whenever the record gets a new owner, modulo 2^32 */
	int16_t type;
	uint8_t state;
};

/* How to show a state; a picture gives each tone a colour. */
enum frame_tone {
	TONE_FREE,
	TONE_SHARED,
	TONE_OWNED,
	TONE_TRANSIENT,
	TONE_HOST,
	TONE_BROKEN,
	TONE_COUNT,
};

struct frame_state {
	const char *name;
	char letter; /* in pictures without colours */
	enum frame_tone tone;
	bool is_in_use;    /* the frame has a type, and its record has an owner */
	bool has_count;    /* `references` says more than the state alone */
	bool is_broken;    /* no operation of the guest leads here */
	bool is_transient; /* between two states, for a few instructions */
};

struct frame_type {
	char name[FRAME_NAME_SIZE]; /* printable, padded with NUL */
	unsigned size;  /* bytes of its metadata in a record; 0: not known, `types` prints "-" */
	unsigned flags; /* bit n: flag n of its kind */
};

#endif
