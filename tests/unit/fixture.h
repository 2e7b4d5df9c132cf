/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the tests of pagemeta share: a small machine in host memory, metadata types, snapshots of
 * the slots that show that a failed operation changed nothing, and test cases that must abort.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/pvh.h>

#include "pagemeta/frame.h"
#include "pagemeta/frame_alloc.h"
#include "pagemeta/frame_reader.h"
#include "pagemeta/meta_init.h"

#define KIB UINT64_C(0x400)
#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* Seconds that a test may take where Check's default of 4 is too short under a sanitizer. */
#define SLOW_TEST_TIMEOUT 120

/* A memory map as firmware gives it. */
struct firmware_map {
	const char *name;
	const struct pvh_memmap_entry *entries;
	unsigned count;
};

#define MEMORY_MAP(map_name, array)                                                                \
	{                                                                                          \
		.name = (map_name), .entries = (array),                                            \
		.count = sizeof(array) / sizeof((array)[0])                                        \
	}

/* The one machine: the library has one metadata array, so there cannot be two. */
struct machine {
	struct region_list regions;
	struct early_allocator early;
	struct meta_array array;
};

extern struct machine machine;

/* Fills machine.regions from a map and makes memory up to the end of its last usable frame. */
void machine_prepare(const struct firmware_map *map);

/* As machine_prepare, then initialises the metadata. */
void machine_create(const struct firmware_map *map);

void machine_destroy(void);

/* What the type of such memory is called, and the region of a partition that holds an address. */
const char *region_kind_name(enum region_kind kind);
const struct region *region_at(const struct region_list *partition, uint64_t addr);

/* Check fixtures: 16 MiB in one region; the frame allocator lists nothing, or all of it. */
#define SMALL_MACHINE_SIZE (16 * MIB)
void small_machine_setup(void);
void small_allocator_setup(void);

/* A usable frame of the small machine that nobody holds. */
paddr_t some_unused_frame(void);

/* Frames in [start, end) of the machine whose slots are UNUSED. */
uint64_t count_unused(uint64_t start, uint64_t end);

/* Free frames of the allocator, parked ones left out. */
uint64_t count_free(void);

/*
 * Frames of [start, end) that have memory behind them. Looking does not allocate any, so this tells
 * whether anything was ever read or written there.
 */
uint64_t count_resident(uint64_t start, uint64_t end);

/* Metadata without on_drop; the type itself is in test_meta_type.c. */
struct stamp_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

extern const struct meta_type meta_type_stamp;

/*
 * Metadata of a frame that holds references to others: its on_drop puts them. node_on_drop is
 * called first if it is set.
 */
struct node_meta {
	uint64_t id;
	uint64_t left; /* slot addresses, 0: none */
	uint64_t right;
};

extern const struct meta_type meta_type_node;
extern void (*node_on_drop)(const struct node_meta *meta, struct frame_reader *bytes);

/* A new node frame that takes over the references `left` and `right` (FRAME_NONE: none). */
frame_t node_alloc(uint64_t id, frame_t left, frame_t right);

/* All slots of the machine as they were; to be ended by snapshot_check or snapshot_free. */
struct snapshot {
	struct meta_slot *slots;
	size_t size;
};

struct snapshot snapshot_take(void);
void snapshot_free(struct snapshot *snapshot);

/* Asserts that every slot is byte for byte what it was, and frees the snapshot. */
void snapshot_check(struct snapshot *snapshot);

/* Whether Check runs each test in a process of its own (CK_FORK is not "no"). */
bool can_fork(void);

/*
 * Adds a test case whose tests must all end in abort(), with stderr silenced. Nothing is added
 * when tests share one process, which the first of them would end.
 */
void suite_add_abort_tests(Suite *suite, void (*setup)(void), void (*teardown)(void),
			   const TTest *const *tests, size_t count);

/* The same with the tests' names as arguments. */
#define SUITE_ADD_ABORT_TESTS(suite, setup, teardown, ...)                                         \
	do {                                                                                       \
		const TTest *const abort_tests_[] = {__VA_ARGS__};                                 \
		suite_add_abort_tests((suite), (setup), (teardown), abort_tests_,                  \
				      sizeof(abort_tests_) / sizeof(abort_tests_[0]));             \
	} while (0)

/* Adds the tests, given by name, to a test case. */
void tcase_add_tests(TCase *tcase, const TTest *const *tests, size_t count);

#define TCASE_ADD_TESTS(tcase, ...)                                                                \
	do {                                                                                       \
		const TTest *const tests_[] = {__VA_ARGS__};                                       \
		tcase_add_tests((tcase), tests_, sizeof(tests_) / sizeof(tests_[0]));              \
	} while (0)

/* A reproducible pseudo-random sequence (xorshift64*); the state must not be zero. */
uint64_t random_next(uint64_t *state);

/* A number from the environment, such as PAGEVISOR_SEED; fails the test if it is set to something else. */
uint64_t test_setting(const char *name, uint64_t otherwise);

#endif
