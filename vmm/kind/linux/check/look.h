/* SPDX-License-Identifier: MPL-2.0 */
/* One look of a check at all lists and all pages, and what its parts share. For vmm/kind/linux/check only. */
#ifndef VMM_LINUX_LOOK_H
#define VMM_LINUX_LOOK_H

#include "kind/kind.h"
#include "kind/linux/check/suspects.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/owner_fields.h"
#include "kind/linux/zones.h"

/* Zones with memory of all nodes; more have their lists checked, but no page is missed on them. */
#define LOOK_ZONES_MAX 64

/* Caches of small objects. */
#define LOOK_CACHES_MAX 16384

/* Attempts at a list that changes while it is walked. */
#define LIST_TRIES 8

/*
 * Work of a look that honest guests do not reach: nodes and lists for each frame, and for none; pages that are read again at
 * once. Beyond it a list counts as endless, and a page is a suspect at once.
 */
#define NODES_PER_FRAME LIST_TRIES
#define NODES_MORE      (1 << 18)
#define REREADS_MAX     (1 << 16)

/* A zone whose lists were walked. */
struct look_zone {
	uint64_t node;
	unsigned index;
	uint64_t closed; /* a bit for each order all of whose lists were walked to their end */
};

struct look {
	const struct guest *guest;
	const struct linux_kernel *kernel;
	bool is_running; /* the guest changes meanwhile */
	uint64_t end_ns; /* CLOCK_MONOTONIC: lists are not begun after it */
	struct owner_fields fields;
	struct page_records in; /* all are fetched */
	struct suspects *suspects;
	struct error *err;
	int result; /* of a visitor that can only end its walk */

	uint8_t *orders;  /* of each frame: 1 + the order of the list that it is on; 0: on none */
	uint64_t *blocks; /* frames of the lists that are being walked */
	uint64_t block_count, block_room;
	uint64_t taken; /* bytes of the memory's budget */
	uint64_t nodes_left, rereads_left;
	unsigned zone_count;
	struct look_zone zones[LOOK_ZONES_MAX];

	uint64_t *caches; /* sorted; NULL: not known */
	unsigned cache_count;

	/* What was covered. */
	uint64_t free_blocks, cached_blocks, slabs;
	bool has_lists;     /* of all zones, and nobody held their locks */
	bool has_cpu_lists; /* the same of those of CPUs */
};

/* Reads a frame's record. Returns false if there is none. */
bool look_record(const struct look *look, uint64_t pfn, void *record);

/* Takes a list that was walked from the look's work. */
void look_spend(struct look *look, uint64_t nodes);

/* Whether somebody wants an end of it, or it has taken too long. */
bool look_is_over(const struct look *look);

/* The parts. They return 0, or -ENOMEM or -E2BIG with a text. */
int look_at_free_lists(struct look *look);
void look_at_cpu_lists(struct look *look, const struct linux_zone *zone, bool is_locked);
int look_at_caches(struct look *look);
int look_at_pages(struct look *look);

/* Whether it is among the caches that look_at_caches found. */
bool look_has_cache(const struct look *look, uint64_t cache);

/* Whether a spinlock is held; true if it cannot be read. */
bool look_is_locked(const struct look *look, uint64_t va);

#endif
