/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A source over a crafted guest of two regions of RAM, with a writer in place of its vCPUs: a thread that can be
 * paused, and a dirty log of what it wrote.
 */
#ifndef TESTS_UNIT_CRAFTED_SOURCE_H
#define TESTS_UNIT_CRAFTED_SOURCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/info.h>
#include <pagevisor/slot.h>

#include "source/source.h"

/* The guest's RAM, and where things lie in its lower region. */
#define CRAFTED_LOW_SIZE    (UINT64_C(256) * PAGE_SIZE)
#define CRAFTED_HIGH_BASE   (UINT64_C(1) << 32)
#define CRAFTED_HIGH_SIZE   (UINT64_C(1024) * PAGE_SIZE)
#define CRAFTED_INFO_PA     (16 * PAGE_SIZE)
#define CRAFTED_TYPES_PA    (17 * PAGE_SIZE)
#define CRAFTED_COUNTERS_PA (18 * PAGE_SIZE)
#define CRAFTED_ARRAY_PA    (32 * PAGE_SIZE)
#define CRAFTED_OTHER_PA    (200 * PAGE_SIZE) /* data that nothing points to */
#define CRAFTED_SLOTS       (CRAFTED_LOW_SIZE / PAGE_SIZE)
#define CRAFTED_VA_OFFSET   UINT64_C(0xffffffff80000000)

enum { CRAFTED_META_PAGE, CRAFTED_ANON, CRAFTED_SLAB, CRAFTED_TYPES };

/* The writer's words: in so many pages, all over the upper region; at rest they are all equal. */
#define CRAFTED_WORDS 256

struct crafted {
	struct source source;
	int fd;
	uint8_t *low, *high;
	struct guest_info *info;
	struct meta_slot *slots;

	/* The writer. */
	pthread_t thread;
	bool has_writer;
	bool quit;                                          /* atomic */
	bool wants_pause;                                   /* atomic */
	bool is_paused;                                     /* atomic */
	uint64_t dirty[CRAFTED_HIGH_SIZE / PAGE_SIZE / 64]; /* atomic; of the upper region */
	uint64_t rounds;                                    /* atomic: of the writer */

	/* What was asked of the source. */
	unsigned pauses, resumes, starts, stops;
	int fail_pause, fail_resume, fail_dirty_start,
		fail_dirty_read;                   /* errno to fail with, 0: none */
	unsigned fail_dirty_after;                 /* reads of the log */
	void (*on_pause)(struct crafted *crafted); /* what the host finds changed then */
};

/* Makes it, not live; fails the test if that does not work. The thread is registered with liburcu. */
void crafted_make(struct crafted *crafted);
void crafted_free(struct crafted *crafted);

/* Makes it live, with a writer. */
void crafted_start_writer(struct crafted *crafted);

void crafted_set_slot(struct crafted *crafted, unsigned frame, uint32_t generation, uint32_t refs,
		      int type);

/* The writer's word number i, in any memory with these regions; the memory is at rest. */
uint64_t crafted_word(const struct guest_memory *memory, unsigned i);

/* Blocks of a file. */
uint64_t crafted_blocks(int fd);

#endif
