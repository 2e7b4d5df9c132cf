/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Operations on frames as data: generated at random, done both to pagemeta and to the model, and printed.
 *
 * References live in numbered variables, so that an operation keeps its meaning when others before it are left out. An
 * operation that then makes no sense (because its variable is empty, say) does nothing.
 */
#ifndef TESTS_UNIT_FRAME_OPS_H
#define TESTS_UNIT_FRAME_OPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "unit/frame_model.h"

#define OPS_VARIABLES 1024
#define OPS_SHAPES    4

enum op_code {
	OP_ALLOC,        /* var = frame_alloc; a tree takes the references in kids[] */
	OP_CLAIM,        /* var = frame_claim(address) */
	OP_GET,          /* var = frame_get(kids[0]) */
	OP_PUT,          /* frame_put(var) */
	OP_FROM_IN_USE,  /* var = frame_from_in_use(address) */
	OP_SHARE,        /* var */
	OP_UNSHARE,      /* var */
	OP_CHANGE_BEGIN, /* var */
	OP_CHANGE_END,   /* var, with new metadata */
	OP_SWAP_KID,     /* a unique tree swaps its kid `choice` with variable kids[0] */
	OP_UNIQUE_DROP,  /* var */
	OP_RESET,        /* var: its frame is then a taken one */
	OP_HOST_CLAIM,   /* address */
	OP_HOST_RELEASE, /* address */
	OP_ADD,          /* up to `choice` frames outside the allocator, from address on */
	OP_ADD_REFUSED, /* `choice` frames from address on, of which at least one is the allocator's or in use */
	OP_GIVE,  /* up to `choice` taken frames, from address on */
	OP_SLICE, /* kids[] = `slice` frames at `choice` of the run of shared frames at address */
	OP_COUNT_FREE,     /* allocates until nothing is free, counts, puts all back */
	OP_RANDOM_COUNT,   /* operations above are picked at random */
	OP_SABOTAGE = 255, /* damage behind the model's back, see enum sabotage; var */
};

/* Damage that the comparison has to notice, to test the test itself. */
enum sabotage {
	SABOTAGE_COUNT,
	SABOTAGE_GENERATION,
	SABOTAGE_METADATA,
	SABOTAGE_TYPE,
	SABOTAGE_SECOND_OWNER, /* takes a free frame */
	SABOTAGE_LOST_FRAME,   /* removes a free, unused frame from the allocator */
	SABOTAGE_KINDS,
};

struct operation {
	uint8_t code;
	uint8_t cpu;
	uint8_t type;
	uint8_t unique; /* alloc: as REF_UNIQUE */
	uint8_t zeroed; /* alloc: fills the bytes with zeros */
	uint8_t slice;  /* frames */
	uint8_t of_var; /* uses the address of the frame of kids[0] */
	uint16_t var;
	uint16_t choice;
	uint16_t kids[TREE_KIDS];
	uint64_t address;
	uint64_t seed; /* of the metadata */
};

/* Counts of this process, to check that every kind of event happened. */
struct ops_counts {
	uint64_t executed[OP_RANDOM_COUNT];
	uint64_t errors[2][FRAME_NOT_ALIGNED + 1]; /* of frame_from_in_use, of frame_claim */
	uint64_t refused;                          /* allocations */
	uint64_t zeroed;
	uint64_t last_puts;
	uint64_t unshared;
	uint64_t slices[3]; /* empty, not empty, refused */
};

extern struct ops_counts ops_counts;

/* Makes a new machine, one of OPS_SHAPES with different sizes, and its model. */
void ops_start(unsigned shape);
void ops_stop(void);

/* Returns a random operation that makes sense in the current state. */
struct operation ops_random(uint64_t *seed);

/*
 * Does an operation, and compares its result and the slots that it touched. Returns false, with nothing done, when the
 * operation makes no sense in the current state. If `trace` is set, prints the operation and its result there.
 */
bool ops_execute(const struct operation *op, FILE *trace);

#endif
