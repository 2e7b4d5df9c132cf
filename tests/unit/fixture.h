/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Shared code of the pagemeta tests: a small machine in host memory, metadata types, snapshots of the slots to show
 * that a failed operation changed nothing, and test cases that must abort.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/pvh.h>

#include "pagemeta/frame_put.h"
#include "pagemeta/frame_reader.h"
#include "pagemeta/meta_init.h"

#define KIB UINT64_C(0x400)
#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* Seconds for a test, where Check's default of 4 is too short under a sanitizer. */
#define SLOW_TEST_TIMEOUT 120

/* A memory map from firmware. */
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

/* The only machine: the library has one metadata array, so there cannot be two. */
struct machine {
	struct region_list regions;
	struct early_allocator early;
	struct meta_array array;
};

extern struct machine machine;

/* Fills machine.regions from a map and creates memory up to the end of the last usable frame. */
void machine_prepare(const struct firmware_map *map);

/* machine_prepare, then initialises the metadata. */
void machine_create(const struct firmware_map *map);

void machine_destroy(void);

/* The type name of memory of a kind, and the region of a partition that contains an address. */
const char *region_kind_name(enum region_kind kind);
const struct region *region_at(const struct region_list *partition, uint64_t addr);

void assert_same_partition(const struct region_list *a, const struct region_list *b);

/* Check fixtures: 16 MiB in one region; the frame allocator lists none or all of it. */
#define SMALL_MACHINE_SIZE (16 * MIB)
void small_machine_setup(void);
void small_allocator_setup(void);

/* A usable frame of the small machine that nobody owns. */
paddr_t some_unused_frame(void);

/* Frames in [start, end) of the machine whose slots are UNUSED. */
uint64_t count_unused(uint64_t start, uint64_t end);

/*
 * As the keeper of the guest's memory (pagevisor/keeper.h): says that frames were released, and that there were more
 * hints than the ring holds.
 */
void host_says_released(void);

/* Releases a frame that it holds, and says so. False as slot_host_release. */
bool host_release(struct meta_slot *slot);

/* Free frames of the allocator, without the parked ones. */
uint64_t count_free(void);

/*
 * Frames of [start, end) that have memory behind them. This does not allocate memory, so it shows whether anything
 * there was ever read or written.
 */
uint64_t count_resident(uint64_t start, uint64_t end);

/* Metadata without on_drop; the type's own tests are in test_meta_type.c. */
struct stamp_meta {
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

extern const struct meta_type meta_type_stamp;

/*
 * Metadata of a frame that holds references to others: its on_drop puts them, after calling node_on_drop if that is
 * set.
 */
struct node_meta {
	uint64_t id;
	uint64_t left; /* slot addresses; 0: none */
	uint64_t right;
};

extern const struct meta_type meta_type_node;
extern void (*node_on_drop)(const struct node_meta *meta, struct frame_reader *bytes);

/* A new node frame that takes over the references `left` and `right` (FRAME_NONE: none). */
frame_t node_alloc(uint64_t id, frame_t left, frame_t right);

/* Copies all slots of the machine; snapshot_check or snapshot_free must end the snapshot. */
struct snapshot {
	struct meta_slot *slots;
	size_t size;
};

struct snapshot snapshot_take(void);
void snapshot_free(struct snapshot *snapshot);

/* Asserts that every slot is byte for byte what it was, and frees the snapshot. */
void snapshot_check(struct snapshot *snapshot);

/* Whether Check runs each test in its own process (CK_FORK is not "no"). */
bool can_fork(void);

/*
 * Adds a test case whose tests must all end in abort(), with stderr silenced. Adds nothing when all tests share one
 * process, because the first of these tests would end it.
 */
void suite_add_abort_tests(Suite *suite, void (*setup)(void), void (*teardown)(void),
			   const TTest *const *tests, size_t count);

/* The same, with the names of the tests as arguments. */
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

/* A number from the environment, such as PAGEVISOR_SEED; fails the test if the variable is set to anything else. */
uint64_t test_setting(const char *name, uint64_t otherwise);

/* For a call that must abort: nobody looks at its result. */
#define CALL_FOR_ABORT(call)                                                                       \
	do {                                                                                       \
		__typeof__(call) unused_result = (call);                                           \
                                                                                                   \
		(void)unused_result;                                                               \
	} while (0)

#endif
