/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A machine for the tests of vmm/kind/pagevisor/check: the library's own metadata, allocator and page tables, in use,
 * presented as the memory of a guest that has finished. A test breaks one thing and runs the check.
 */
#ifndef TESTS_UNIT_CHECKED_MACHINE_H
#define TESTS_UNIT_CHECKED_MACHINE_H

#include <signal.h>

#include <pagevisor/allocator.h>

#include "kind/pagevisor/check/check.h"
#include "kind/pagevisor/rules.h"
#include "pagemeta/frame_list.h"
#include "pagemeta/segment.h"
#include "unit/fixture.h"

/* The kernel's image and its layout. */
#define IMAGE_PA      (1 * MIB)
#define IMAGE_SIZE    (2 * MIB)
#define ALLOCATOR_PA  (IMAGE_PA + 4 * PAGE_SIZE)
#define POOL_PA       (IMAGE_PA + 5 * PAGE_SIZE)
#define REFERENCES_PA (IMAGE_PA + 7 * PAGE_SIZE)
#define DEPOTS_PA     (IMAGE_PA + 9 * PAGE_SIZE)
#define CACHES_PA     (IMAGE_PA + 16 * PAGE_SIZE)
#define RANGES_PA     (IMAGE_PA + 112 * PAGE_SIZE)
#define TABLES_PA     (IMAGE_PA + 128 * PAGE_SIZE)

struct listed_meta {
	uint64_t number;
	struct list_link link;
};

/*
 * Blocks in caches and depots have this many frames: this allocator's own choice, for the machine is too small for a
 * bundle of blocks of the size that the library chose.
 */
#define KEPT_ORDER  4
#define KEPT_FRAMES (UINT64_C(1) << KEPT_ORDER)
#define KEPT_CACHED 4 /* blocks in the cache of CPU 0 */
#define KEPT_DEPOT  1 /* the depot that has a bundle of them */

/* Parts of the machine for tests to break. */
struct checked_machine {
	struct guest_info *info;
	struct allocator_descriptor *allocator;
	uint8_t *caches;
	uint8_t *pool;
	uint8_t *depots;
	uint64_t *references; /* of the kernel: a page of words */
	uint64_t reference_count;
	frame_t tree; /* a node that refers to two others in its metadata */
	frame_t left; /* one of those */
	frame_t table; /* refers to `entry` and `child` in its bytes; referred to by its linear address */
	frame_t entry;      /* referred to by its slot */
	frame_t child;      /* referred to by its physical address */
	struct segment run; /* of 5 frames, referred to by its number and length */
	frame_t untyped;    /* its bytes hold no reference that counts */
	frame_t plain;      /* referred to by the kernel */
	pfn_t listed[4];    /* frames of a list, in order */
	pfn_t parked[2];
	pfn_t parked_block;                 /* of KEPT_FRAMES, put aside as one */
	struct cpu_counters table_counters; /* from giving the page tables their type */
	volatile sig_atomic_t cut;          /* set: the next check ends early */
	struct check_summary summary;
	struct findings findings;
};

extern struct checked_machine checked;

/* Check fixtures. */
void checked_machine_setup(void);
void checked_machine_teardown(void);

/* Runs the check; its findings are in checked.findings. */
void checked_look(enum check_rules rules);

/* The frame of a finding about the whole guest. */
#define WHOLE_GUEST UINT64_MAX

/*
 * Check a machine at rest. assert_finds wants a finding of this rule about this frame, assert_finds_only also wants no
 * other.
 */
void assert_finds(const char *rule, uint64_t frame);
void assert_finds_only(const char *rule, uint64_t frame);

/* Fields of the allocator, in the guest's memory. */
uint64_t *pool_word(uint32_t offset);
uint64_t *depot_word(unsigned depot, uint32_t offset);
uint32_t *cache_count(unsigned cpu, uint32_t offset);
uint64_t *cache_word(unsigned cpu, uint32_t offset);

/* The slot of a frame number, and the frame number of a slot or frame. */
struct meta_slot *slot_at(uint64_t frame);
uint64_t number_of(frame_t frame);

/* Adds a mapping to the kernel's page table. */
void checked_map(uint64_t va, uint64_t pa, uint64_t size);

/* The kernel's page table entry for an address, in the table of a level. */
uint64_t *table_entry(uint64_t va, unsigned level);

#endif
