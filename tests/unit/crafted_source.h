/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A source over a crafted guest with two regions of RAM. In place of vCPUs it has a writer: a thread that can be
 * paused, with a dirty log of its writes.
 */
#ifndef TESTS_UNIT_CRAFTED_SOURCE_H
#define TESTS_UNIT_CRAFTED_SOURCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/info.h>
#include <pagevisor/slot.h>

#include "source/source.h"

/* The guest's RAM, and the layout of its lower region. */
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

/* A third region, if there is one: it is copied, and has room for the array and a page more. */
#define CRAFTED_COPIED_BASE (UINT64_C(1) << 33)
#define CRAFTED_COPIED_SIZE (CRAFTED_SLOTS * SLOT_SIZE + PAGE_SIZE)

enum { CRAFTED_META_PAGE, CRAFTED_ANON, CRAFTED_SLAB, CRAFTED_TYPES };

/* The writer's words, spread over that many pages of the upper region; at rest they are all equal. */
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
	uint64_t dirty[CRAFTED_HIGH_SIZE / PAGE_SIZE / 64]; /* atomic; for the upper region */
	uint64_t rounds;                                    /* atomic: set by the writer */

	/* Calls that the source has received. */
	unsigned pauses, resumes, starts, stops;
	int fail_pause, fail_resume, fail_dirty_start,
		fail_dirty_read;                   /* errno of the failure; 0: none */
	unsigned fail_dirty_after;                 /* reads of the log */
	void (*on_pause)(struct crafted *crafted); /* changes what the host finds */

	uint8_t copied[CRAFTED_COPIED_SIZE];
	void (*on_read)(struct crafted *crafted); /* happens before a read of the copied region */
};

/* Makes the source, not live; a failure fails the test. The thread is registered with liburcu. */
void crafted_make(struct crafted *crafted);
void crafted_free(struct crafted *crafted);

/* Adds the copied region; a reader of it may let something happen to the guest. */
void crafted_add_copied(struct crafted *crafted);

/* The same, and moves the array there. */
void crafted_copy_array(struct crafted *crafted);

/* Makes the source live, with a writer. */
void crafted_start_writer(struct crafted *crafted);

void crafted_set_slot(struct crafted *crafted, unsigned frame, uint32_t generation, uint32_t refs,
		      int type);

/* The writer's word number i, in any memory with these regions; the memory must be at rest. */
uint64_t crafted_word(const struct guest_memory *memory, unsigned i);

/* Blocks that a file takes. */
uint64_t crafted_blocks(int fd);

#endif
