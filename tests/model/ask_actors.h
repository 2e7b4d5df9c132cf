/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of the asks' replayer share: see replay_asks.c. */
#ifndef TESTS_MODEL_ASK_ACTORS_H
#define TESTS_MODEL_ASK_ACTORS_H

#include <ucontext.h>

#include "manage/keeper_words.h"
#include "pagemeta/frame_pool.h"

#define MODEL_FRAMES 2
#define FIRST        8 /* the model's frame 0: not the first one of a block */
#define CPUS         2 /* actors 1 and 2 */
#define KEEPER       3

struct actor {
	ucontext_t context;
	void (*run)(void);  /* NULL: no operation in progress */
	const char *access; /* the next one; before that, the last */
	unsigned frame;     /* of the access, where the model says which */
	bool merges;        /* accesses are part of the step before */
	bool waits;         /* for the keeper, since the last attempt */
	bool gives_up;
	bool knows_walks;
};

struct asks {
	bool hinted, stuck, comes; /* the configuration */
	bool handful;
	bool is_listed[MODEL_FRAMES]; /* else parked, or in a CPU's hand */
	bool bell;
	struct keeper_words words;
	struct actor actors[KEEPER + 1];
	unsigned running; /* the actor; 0: none */
	ucontext_t scheduler;
	uint64_t allocated, refused;
};

extern struct asks asks;

static inline struct meta_slot *slot_of(unsigned frame)
{
	return &host_meta_base[FIRST + frame];
}

_Noreturn __attribute__((format(printf, 1, 2))) void diverge(const char *format, ...);

/* Whether a defect is planted in the code. */
bool is_mutant(const char *name);

/* Stops the running actor before an access until the trace resumes it. */
void step(const char *access);

/* Nobody holds the pool's lock. */
void steps_begin(void);

/* What a CPU does, and what the keeper does that begins with an access. */
void run_allocation(void);
void (*keeper_operation(const char *access))(void);

#endif
