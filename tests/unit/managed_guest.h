/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A crafted guest at work whose allocator manages frames in two regions of memory, and what the host tells its
 * dirty log: for the suites of vmm/manage.
 */
#ifndef TESTS_UNIT_MANAGED_GUEST_H
#define TESTS_UNIT_MANAGED_GUEST_H

#include <pagevisor/info.h>
#include <pagevisor/keeper.h>
#include <pagevisor/slot.h>

#include "kind/guest.h"
#include "memory/control.h"
#include "memory/guest_memory.h"

#define MANAGED_LOW_SIZE  (UINT64_C(12) << 20)
#define MANAGED_HIGH_BASE (UINT64_C(16) << 20)
#define MANAGED_HIGH_SIZE (UINT64_C(4) << 20)
#define MANAGED_END       (MANAGED_HIGH_BASE + MANAGED_HIGH_SIZE)
#define MANAGED_SLOTS     (MANAGED_END / PAGE_SIZE)
#define MANAGED_ARRAY_PA  (UINT64_C(1) << 20)

/* What the allocator manages: from the middle of a block to the end of the low region; all of the high one. */
#define MANAGED_LOW_FIRST  UINT64_C(700)
#define MANAGED_LOW_END    (MANAGED_LOW_SIZE / PAGE_SIZE)
#define MANAGED_HIGH_FIRST (MANAGED_HIGH_BASE / PAGE_SIZE)
#define MANAGED_FRAMES     (MANAGED_LOW_END - MANAGED_LOW_FIRST + MANAGED_SLOTS - MANAGED_HIGH_FIRST)
#define MANAGED_BLOCKS     (4 + 2) /* aligned ones of 512 frames */

/* What the dirty log was told. */
struct managed_log {
	uint64_t slots;  /* told of */
	uint64_t frames; /* likewise */
	uint64_t pages;  /* times that it was told of the keeper's page */
	uint64_t calls;
	uint64_t wrong; /* told before the write, or of a range that is in no single region */
	void (*on_slots)(void); /* called after each mark of slots; may be NULL */
};

struct managed_guest {
	struct guest_memory memory;
	int fd;
	struct guest_info *info;
	struct keeper_page *page;
	struct meta_slot *slots; /* all unused */
	struct control control;  /* pauses always work */
	struct managed_log log;
	struct guest *guest;
	struct guest_hints hints;
	unsigned pauses;
	unsigned resumes;
};

extern struct managed_guest managed;

/* Check fixtures; they register the thread with liburcu. */
void managed_guest_setup(void);
void managed_guest_teardown(void);

/* Sets frames [first, end) to a state, with the generation as it is. */
void managed_set(uint64_t first, uint64_t end, uint32_t refs);

/* Writes a byte into each frame of [first, end) that is in memory, so that it has a page. */
void managed_touch(uint64_t first, uint64_t end);

/* Frames of [first, end) with that reference count. */
uint64_t managed_count(uint64_t first, uint64_t end, uint32_t refs);

/* Whether a frame, which is in memory, has a page. */
bool managed_has_page(uint64_t frame);

uint8_t *managed_bytes(uint64_t frame);

/* Replaces the ranges of the allocator: `count` pairs of a start and an end. */
void managed_ranges(unsigned count, const uint64_t *ranges);

#endif
