/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/reclaim.h: reclaimable memory becomes usable, the check agrees, and a region that somebody uses stays
 * as it was.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include "pagemeta/frame_pool.h"
#include "pagemeta/meta_check.h"
#include "pagemeta/reclaim.h"
#include "pagemeta/unique.h"
#include "unit/fixture.h"

/* Two regions of ACPI tables, one between usable memory and one behind it all. */
#define TABLES_START   (2 * MIB)
#define TABLES_END     (3 * MIB)
#define LOADER_START   (5 * MIB)
#define LOADER_END     (6 * MIB)
#define RESERVED_START (8 * MIB)
#define RESERVED_END   (9 * MIB)
#define LAST_START     (15 * MIB)
#define LAST_END       (16 * MIB)

#define FRAMES(start, end) (((end) - (start)) / PAGE_SIZE)
#define TABLE_FRAMES       (FRAMES(TABLES_START, TABLES_END) + FRAMES(LAST_START, LAST_END))

static uint64_t frames;

static void setup_metadata(void)
{
	static const struct pvh_memmap_entry entries[] = {
		{0, 12 * MIB, E820_USABLE, 0},
		{TABLES_START, TABLES_END - TABLES_START, E820_ACPI_RECLAIMABLE, 0},
		{RESERVED_START, RESERVED_END - RESERVED_START, E820_RESERVED, 0},
		{LAST_START, LAST_END - LAST_START, E820_ACPI_RECLAIMABLE, 0},
	};
	static const struct firmware_map map = MEMORY_MAP("reclaimable", entries);

	machine_prepare(&map);
	ck_assert(region_list_add(&machine.regions, LOADER_START, LOADER_END - LOADER_START,
				  REGION_RECLAIMABLE));
	ck_assert_uint_eq(meta_init(&machine.regions, &machine.early, &machine.array), META_OK);
	frames = UINT64_MAX;
}

static void setup(void)
{
	setup_metadata();
	frame_alloc_init(&machine.array.partition);
}

static void assert_checked(void)
{
	struct meta_fault fault;

	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}

static uint64_t managed(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
	return stats.managed;
}

static void assert_reclaimed(enum region_kind kind, uint64_t expected)
{
	uint64_t free_before = count_free();
	uint64_t managed_before = managed();

	ck_assert_uint_eq(memory_reclaim(&machine.array, kind, &frames), RECLAIM_OK);
	ck_assert_uint_eq(frames, expected);
	ck_assert_uint_eq(count_free(), free_before + expected);
	ck_assert_uint_eq(managed(), managed_before + expected);
	assert_checked();
}

START_TEST(reclaimable_memory_past_the_last_usable_has_slots)
{
	ck_assert_uint_eq(meta_max_paddr, LAST_END);
	ck_assert_ptr_eq(frame_type((frame_t){frame_to_meta(paddr(LAST_END - PAGE_SIZE))}),
			 region_type(REGION_ACPI_RECLAIMABLE));
}
END_TEST

START_TEST(reclaimed_memory_is_usable)
{
	uint64_t unused = count_unused(0, LAST_END);

	assert_reclaimed(REGION_ACPI_RECLAIMABLE, TABLE_FRAMES);
	ck_assert_uint_eq(count_unused(0, LAST_END), unused + TABLE_FRAMES);
	ck_assert_uint_eq(count_unused(TABLES_START, TABLES_END), FRAMES(TABLES_START, TABLES_END));
	/* Memory of the other kind stays. */
	ck_assert_ptr_eq(frame_type((frame_t){frame_to_meta(paddr(LOADER_START))}),
			 region_type(REGION_RECLAIMABLE));
	assert_reclaimed(REGION_RECLAIMABLE, FRAMES(LOADER_START, LOADER_END));
}
END_TEST

/* The parts around join: a partition never has two neighbours of one kind. */
START_TEST(partition_says_what_is_usable_now)
{
	const struct region_list *partition = &machine.array.partition;
	const struct region *last;

	assert_reclaimed(REGION_ACPI_RECLAIMABLE, TABLE_FRAMES);
	last = region_at(partition, LAST_START);
	ck_assert_uint_eq(last->kind, REGION_USABLE);
	ck_assert_uint_eq(last->start, LAST_START);
	ck_assert_uint_eq(last->end, LAST_END);
	for (unsigned i = 1; i < partition->count; i++) {
		ck_assert_uint_eq(partition->regions[i].start, partition->regions[i - 1].end);
		ck_assert_uint_ne(partition->regions[i].kind, partition->regions[i - 1].kind);
	}
	assert_reclaimed(REGION_RECLAIMABLE, FRAMES(LOADER_START, LOADER_END));
	/* One usable part from the array to the reserved region. */
	ck_assert_uint_eq(region_at(partition, TABLES_START)->end, RESERVED_START);
}
END_TEST

/* Every reclaimed frame can be allocated: a new life, with a new generation. */
START_TEST(reclaimed_frames_can_be_allocated)
{
	const struct stamp_meta meta = {.a = 1};
	const struct meta_slot *slot = frame_to_meta(paddr(LAST_START));
	uint32_t generation = slot_state_generation(slot->state);
	uint64_t count;

	assert_reclaimed(REGION_ACPI_RECLAIMABLE, TABLE_FRAMES);
	count = count_free();
	for (uint64_t i = 0; i < count; i++)
		ck_assert_ptr_nonnull(frame_alloc(stamp, &meta).slot);
	ck_assert_ptr_null(frame_alloc(stamp, &meta).slot);
	for (uint64_t addr = TABLES_START; addr < TABLES_END; addr += PAGE_SIZE)
		ck_assert_ptr_eq(frame_type((frame_t){frame_to_meta(paddr(addr))}),
				 &meta_type_stamp);
	ck_assert_uint_eq(slot_state_generation(slot->state), generation + 1);
	assert_checked();
}
END_TEST

START_TEST(second_call_finds_nothing)
{
	struct snapshot snapshot;

	assert_reclaimed(REGION_ACPI_RECLAIMABLE, TABLE_FRAMES);
	snapshot = snapshot_take();
	assert_reclaimed(REGION_ACPI_RECLAIMABLE, 0);
	snapshot_check(&snapshot);
}
END_TEST

START_TEST(contents_are_not_touched)
{
	assert_reclaimed(REGION_ACPI_RECLAIMABLE, TABLE_FRAMES);
	ck_assert_uint_eq(count_resident(TABLES_START, TABLES_END), 0);
	ck_assert_uint_eq(count_resident(LAST_START, LAST_END), 0);
}
END_TEST

static void copy_slots(struct meta_slot *to)
{
	memcpy(to, frame_to_meta(paddr(TABLES_START)),
	       FRAMES(TABLES_START, TABLES_END) * sizeof(*to));
}

/* Reclaims while something is wrong with the first region. The second one is reclaimed, the first is as it was. */
static void assert_first_region_stays(enum reclaim_error expected)
{
	static struct meta_slot before[FRAMES(TABLES_START, TABLES_END)];
	static struct meta_slot after[FRAMES(TABLES_START, TABLES_END)];

	copy_slots(before);
	ck_assert_str_eq(reclaim_error_text(
				 memory_reclaim(&machine.array, REGION_ACPI_RECLAIMABLE, &frames)),
			 reclaim_error_text(expected));
	ck_assert_uint_eq(frames, FRAMES(LAST_START, LAST_END));
	copy_slots(after);
	ck_assert_mem_eq(before, after, sizeof(before));
	ck_assert_uint_eq(region_at(&machine.array.partition, TABLES_START)->kind,
			  REGION_ACPI_RECLAIMABLE);
	ck_assert_uint_eq(region_at(&machine.array.partition, LAST_START)->kind, REGION_USABLE);
}

static const uint64_t places[] = {TABLES_START, (TABLES_START + TABLES_END) / 2,
				  TABLES_END - PAGE_SIZE};

START_TEST(region_that_somebody_refers_to_stays)
{
	frame_t frame;

	ck_assert_uint_eq(frame_from_in_use(paddr(places[_i]), &frame), FRAME_OK);
	assert_first_region_stays(RECLAIM_IN_USE);
	ck_assert_uint_eq(frame_references(frame), 2);
	ck_assert(!frame_put(frame));
	assert_checked();
	assert_reclaimed(REGION_ACPI_RECLAIMABLE, FRAMES(TABLES_START, TABLES_END));
}
END_TEST

/* A kernel may have turned a frame into something else. */
START_TEST(region_with_a_frame_of_another_type_stays)
{
	const struct stamp_meta meta = {.a = 1};
	unique_frame_t own;

	ck_assert(unique_from_shared((frame_t){frame_to_meta(paddr(places[_i]))}, &own));
	unique_replace(own, stamp, &meta);
	assert_first_region_stays(RECLAIM_IN_USE);
	ck_assert_ptr_nonnull(unique_share(own).slot);
	ck_assert_uint_eq(memory_reclaim(&machine.array, REGION_ACPI_RECLAIMABLE, &frames),
			  RECLAIM_IN_USE);
	ck_assert_uint_eq(frames, 0);
	for (uint64_t addr = TABLES_START; addr < TABLES_END; addr += PAGE_SIZE) {
		const struct meta_slot *slot = frame_to_meta(paddr(addr));

		ck_assert_uint_eq(slot_state_refs(slot->state), 1);
		ck_assert_ptr_eq(frame_type((frame_t){frame_to_meta(paddr(addr))}),
				 addr == places[_i] ? &meta_type_stamp
						    : region_type(REGION_ACPI_RECLAIMABLE));
	}
}
END_TEST

START_TEST(region_that_the_allocator_has_already_stays)
{
	uint64_t frame = places[_i] / PAGE_SIZE;

	ck_assert_uint_eq(managed_ranges_add(&frame_managed, frame, frame + 1), FRAME_ADD_OK);
	assert_first_region_stays(RECLAIM_NOT_TAKEN);
	assert_checked();
}
END_TEST

START_TEST(other_kinds_are_refused)
{
	struct snapshot snapshot = snapshot_take();

	for (unsigned kind = REGION_HOLE; kind < REGION_KIND_COUNT; kind++) {
		if (kind == REGION_RECLAIMABLE || kind == REGION_ACPI_RECLAIMABLE)
			continue;
		ck_assert_uint_eq(memory_reclaim(&machine.array, (enum region_kind)kind, &frames),
				  RECLAIM_WRONG_KIND);
		ck_assert_uint_eq(frames, 0);
	}
	snapshot_check(&snapshot);
}
END_TEST

START_TEST(there_must_be_an_allocator)
{
	struct snapshot snapshot = snapshot_take();

	frame_alloc_started = false;
	ck_assert_uint_eq(memory_reclaim(&machine.array, REGION_ACPI_RECLAIMABLE, &frames),
			  RECLAIM_NO_ALLOCATOR);
	ck_assert_uint_eq(frames, 0);
	snapshot_check(&snapshot);
	assert_checked();
}
END_TEST

/* Half of a partition's parts may be reclaimable, and the allocator has room for each. */
START_TEST(as_many_regions_as_a_map_has)
{
	const uint64_t size = 32 * MIB;

	memset(&machine, 0, sizeof(machine));
	ck_assert(region_list_add(&machine.regions, 0, MIB, REGION_USABLE));
	for (uint64_t i = 1; i < REGIONS_MAX; i++)
		ck_assert(region_list_add(&machine.regions, MIB + 2 * i * PAGE_SIZE, PAGE_SIZE,
					  REGION_ACPI_RECLAIMABLE));
	ck_assert(host_memory_create(size));
	ck_assert_uint_eq(meta_init(&machine.regions, &machine.early, &machine.array), META_OK);
	ck_assert_uint_eq(machine.regions.dropped, 0);
	frame_alloc_init(&machine.array.partition);
	assert_reclaimed(REGION_ACPI_RECLAIMABLE, REGIONS_MAX - 1);
}
END_TEST

#define LOOKS 20000 /* by each thread; and until the memory is reclaimed */

static bool is_over;

/* Allocates and frees, and takes references by addresses in the reclaimable regions. */
static void *run_user(void *cpu)
{
	const struct stamp_meta meta = {.a = 1};
	uint64_t seed;

	host_cpu = *(const unsigned *)cpu;
	seed = host_cpu;
	for (unsigned i = 0; i < LOOKS || !__atomic_load_n(&is_over, __ATOMIC_RELAXED); i++) {
		uint64_t at = random_next(&seed) % (TABLES_END - TABLES_START);
		frame_t own = frame_alloc(stamp, &meta);
		frame_t other;

		if (frame_from_in_use(paddr(TABLES_START + align_down(at, PAGE_SIZE)), &other) ==
		    FRAME_OK)
			frame_put(other);
		if (own.slot)
			frame_put(own);
	}
	return NULL;
}

/* Calls fail as long as somebody holds a reference. In the end all memory is free, and each frame once. */
START_TEST(others_may_use_frames_meanwhile)
{
	static const unsigned cpus[] = {1, 2};
	const uint64_t before = count_free();
	pthread_t threads[2];
	uint64_t reclaimed = 0;

	__atomic_store_n(&is_over, false, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_user, (void *)&cpus[i]), 0);
	for (enum reclaim_error error = RECLAIM_IN_USE; error != RECLAIM_OK;) {
		error = memory_reclaim(&machine.array, REGION_ACPI_RECLAIMABLE, &frames);
		ck_assert(error == RECLAIM_OK || error == RECLAIM_IN_USE);
		reclaimed += frames;
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(reclaimed, TABLE_FRAMES);
	ck_assert_uint_eq(count_free(), before + TABLE_FRAMES);
	assert_checked();
	frame_alloc_merge();
	ck_assert_uint_eq(count_free(), before + TABLE_FRAMES);
}
END_TEST

START_TEST(every_error_has_a_text)
{
	for (unsigned i = RECLAIM_OK; i <= RECLAIM_IN_USE; i++)
		ck_assert_ptr_nonnull(reclaim_error_text((enum reclaim_error)i));
}
END_TEST

Suite *reclaim_suite(void)
{
	Suite *suite = suite_create("reclaim");
	TCase *tcase = tcase_create("reclaim");
	TCase *bare = tcase_create("without an allocator");
	const int place_count = sizeof(places) / sizeof(places[0]);

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, reclaimable_memory_past_the_last_usable_has_slots,
			reclaimed_memory_is_usable, partition_says_what_is_usable_now,
			reclaimed_frames_can_be_allocated, second_call_finds_nothing,
			contents_are_not_touched, other_kinds_are_refused, every_error_has_a_text);
	tcase_add_loop_test(tcase, region_that_somebody_refers_to_stays, 0, place_count);
	tcase_add_loop_test(tcase, region_with_a_frame_of_another_type_stays, 0, place_count);
	tcase_add_loop_test(tcase, region_that_the_allocator_has_already_stays, 0, place_count);
	tcase_add_test(tcase, others_may_use_frames_meanwhile);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	suite_add_tcase(suite, tcase);

	tcase_add_checked_fixture(bare, setup_metadata, machine_destroy);
	TCASE_ADD_TESTS(bare, there_must_be_an_allocator);
	suite_add_tcase(suite, bare);

	TCase *many = tcase_create("many regions");

	tcase_add_checked_fixture(many, NULL, machine_destroy);
	TCASE_ADD_TESTS(many, as_many_regions_as_a_map_has);
	suite_add_tcase(suite, many);
	return suite;
}
