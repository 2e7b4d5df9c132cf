/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/buddy.h: splitting, merging, and that no frame is ever listed twice. */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/buddy.h"
#include "unit/fixture.h"

/* Frame numbers of usable memory, past the metadata array; START is aligned to 1 MiB. */
#define START       UINT64_C(1024)
#define FRAMES      UINT64_C(1024)
#define START_ORDER 10 /* the largest order that START and FRAMES allow */

#define RANDOM_STEPS 20000
#define RANDOM_SEED  UINT64_C(0x2545f4914f6cdd1d)
#define RANDOM_ORDER 6 /* blocks of up to 64 frames */

#define ABSENT_ORDER 99

static struct buddy buddy;

static void setup(void)
{
	small_machine_setup();
	buddy_init(&buddy);
}

static void add(uint64_t start, uint64_t end)
{
	buddy_add(&buddy, pfn(start), pfn(end));
}

static uint64_t listed_frames(void)
{
	uint64_t frames = 0;

	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		frames += buddy.blocks[order] << order;
	return frames;
}

/* Everything listed is `count` blocks of one order. */
static void assert_only_blocks(unsigned order, uint64_t count)
{
	ck_assert_uint_eq(buddy.blocks[order], count);
	ck_assert_uint_eq(listed_frames(), count << order);
}

static uint64_t take(unsigned order, unsigned expected_order)
{
	pfn_t block;
	unsigned taken;

	ck_assert(buddy_take(&buddy, order, &block, &taken));
	ck_assert_uint_eq(taken, expected_order);
	return block.index;
}

START_TEST(empty_system_gives_nothing)
{
	const struct buddy before = buddy;
	pfn_t block = pfn(START);
	unsigned order = ABSENT_ORDER;

	ck_assert(!buddy_take(&buddy, FRAME_ORDER_MAX, &block, &order));
	ck_assert_uint_eq(block.index, START);
	ck_assert_uint_eq(order, ABSENT_ORDER);
	ck_assert_mem_eq(&buddy, &before, sizeof(buddy));
}
END_TEST

START_TEST(range_is_listed_as_the_largest_aligned_blocks)
{
	/* 1, 2..3, 4..7, 8..11, 12..13, 14 of an aligned 16. */
	add(START + 1, START + 15);
	ck_assert_uint_eq(buddy.blocks[0], 2);
	ck_assert_uint_eq(buddy.blocks[1], 2);
	ck_assert_uint_eq(buddy.blocks[2], 2);
	ck_assert_uint_eq(listed_frames(), 14);
}
END_TEST

START_TEST(empty_range_lists_nothing)
{
	add(START, START);
	ck_assert_uint_eq(listed_frames(), 0);
}
END_TEST

START_TEST(adjacent_ranges_merge)
{
	add(START, START + FRAMES / 2);
	add(START + FRAMES / 2, START + FRAMES);
	assert_only_blocks(START_ORDER, 1);
}
END_TEST

START_TEST(take_prefers_the_exact_order)
{
	add(START, START + 1);
	add(START + 4, START + 8);
	ck_assert_uint_eq(take(0, 0), START);
	assert_only_blocks(2, 1);
}
END_TEST

START_TEST(take_splits_a_larger_block)
{
	add(START, START + 8);
	ck_assert_uint_eq(take(0, 0), START);
	ck_assert_uint_eq(buddy.blocks[0], 1);
	ck_assert_uint_eq(buddy.blocks[1], 1);
	ck_assert_uint_eq(buddy.blocks[2], 1);
	ck_assert_uint_eq(listed_frames(), 7);
}
END_TEST

START_TEST(take_falls_back_to_the_largest_smaller_block)
{
	add(START, START + 2);
	add(START + 4, START + 5);
	ck_assert_uint_eq(take(2, 1), START);
	ck_assert_uint_eq(take(2, 0), START + 4);
	ck_assert_uint_eq(listed_frames(), 0);
}
END_TEST

START_TEST(freed_halves_merge_into_what_was_split)
{
	add(START, START + 8);

	uint64_t block = take(1, 1);

	buddy_free(&buddy, pfn(block + 1), 0);
	ck_assert_uint_eq(buddy.blocks[3], 0);
	buddy_free(&buddy, pfn(block), 0);
	assert_only_blocks(3, 1);
}
END_TEST

START_TEST(neighbours_that_are_no_buddies_stay_apart)
{
	buddy_free(&buddy, pfn(START + 1), 0);
	buddy_free(&buddy, pfn(START + 2), 0);
	assert_only_blocks(0, 2);
}
END_TEST

START_TEST(buddies_of_different_orders_stay_apart)
{
	buddy_free(&buddy, pfn(START), 1);
	buddy_free(&buddy, pfn(START + 2), 0);
	ck_assert_uint_eq(buddy.blocks[0], 1);
	ck_assert_uint_eq(buddy.blocks[1], 1);
}
END_TEST

START_TEST(block_leaves_the_middle_of_its_list)
{
	/* Three single frames; merging takes the one in the middle out of the list. */
	buddy_free(&buddy, pfn(START), 0);
	buddy_free(&buddy, pfn(START + 4), 0);
	buddy_free(&buddy, pfn(START + 8), 0);
	buddy_free(&buddy, pfn(START + 5), 0);
	ck_assert_uint_eq(buddy.blocks[0], 2);
	ck_assert_uint_eq(buddy.blocks[1], 1);
	ck_assert_uint_eq(take(0, 0), START + 8);
	ck_assert_uint_eq(take(0, 0), START);
	ck_assert_uint_eq(take(1, 1), START + 4);
	ck_assert_uint_eq(listed_frames(), 0);
}
END_TEST

START_TEST(last_frame_of_memory_looks_for_no_buddy_past_the_end)
{
	/* Memory that ends with the first half of a pair: the buddy has no slot. */
	meta_max_paddr = (START + 1) * PAGE_SIZE;
	pfn_to_meta(pfn(START + 1))->vtable_ptr = FREE_TAG_BLOCK;
	buddy_free(&buddy, pfn(START), 0);
	assert_only_blocks(0, 1);
}
END_TEST

START_TEST(frame_in_use_is_never_merged)
{
	const struct stamp_meta stamp = {0};
	frame_t frame;

	ck_assert_uint_eq(frame_claim(stamp, paddr((START + 1) * PAGE_SIZE), &stamp, &frame),
			  FRAME_OK);
	buddy_free(&buddy, pfn(START), 0);
	assert_only_blocks(0, 1);
}
END_TEST

START_TEST(every_listed_block_carries_its_tag)
{
	add(START, START + 2);
	ck_assert_uint_eq(pfn_to_meta(pfn(START))->vtable_ptr, FREE_TAG_BLOCK + 1);
	ck_assert(!free_tag_is_listed(pfn_to_meta(pfn(START + 1))->vtable_ptr));
	take(1, 1);
	ck_assert(!free_tag_is_listed(pfn_to_meta(pfn(START))->vtable_ptr));
}
END_TEST

START_TEST(tags_of_all_orders_are_distinct)
{
	ck_assert_uint_lt(FREE_TAG_BLOCK + FRAME_ORDER_MAX, FREE_TAG_CACHED);
	ck_assert(free_tag_is_listed(FREE_TAG_BLOCK));
	ck_assert(free_tag_is_listed(FREE_TAG_CACHED));
	ck_assert(free_tag_is_listed(FREE_TAG_PARKED));
	ck_assert(!free_tag_is_listed(FREE_TAG_BLOCK - 1));
	ck_assert(!free_tag_is_listed(FREE_TAG_END));
	ck_assert(!free_tag_is_listed((uintptr_t)&meta_type_stamp));
	/* What a slot of a freshly filled array holds. */
	ck_assert(!free_tag_is_listed(UINT64_MAX));
}
END_TEST

START_TEST(largest_blocks_do_not_merge)
{
	static const struct pvh_memmap_entry entries[] = {{0, 4 * GIB, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("4 GiB", entries);

	machine_create(&map);
	add(2 * GIB / PAGE_SIZE, 4 * GIB / PAGE_SIZE);
	assert_only_blocks(FRAME_ORDER_MAX, 2);
}
END_TEST

/* Notes which frames are allocated. Bare comparisons: Check's assertions are slow. */
static void mark(bool *taken, uint64_t block, unsigned order, bool value)
{
	for (uint64_t i = block; i < block + (UINT64_C(1) << order); i++) {
		if (i - START >= FRAMES || taken[i - START] == value)
			ck_abort_msg("frame %lu taken or freed twice", (unsigned long)i);
		taken[i - START] = value;
	}
}

START_TEST(random_takes_and_frees_neither_lose_nor_double_a_frame)
{
	static bool taken[FRAMES];
	static struct {
		uint64_t block;
		unsigned order;
	} held[FRAMES];
	uint64_t seed = RANDOM_SEED;
	unsigned count = 0;
	uint64_t held_frames = 0;

	add(START, START + FRAMES);
	for (unsigned step = 0; step < RANDOM_STEPS; step++) {
		pfn_t block;
		unsigned order = (unsigned)(random_next(&seed) % (RANDOM_ORDER + 1));

		if (random_next(&seed) % 2 && buddy_take(&buddy, order, &block, &order)) {
			ck_assert(is_aligned(block.index, UINT64_C(1) << order));
			mark(taken, block.index, order, true);
			held[count].block = block.index;
			held[count++].order = order;
			held_frames += UINT64_C(1) << order;
		} else if (count) {
			unsigned pick = (unsigned)(random_next(&seed) % count);

			mark(taken, held[pick].block, held[pick].order, false);
			buddy_free(&buddy, pfn(held[pick].block), held[pick].order);
			held_frames -= UINT64_C(1) << held[pick].order;
			held[pick] = held[--count];
		}
		if (listed_frames() + held_frames != FRAMES)
			ck_abort_msg("frames lost or doubled in step %u", step);
	}
	while (count--)
		buddy_free(&buddy, pfn(held[count].block), held[count].order);
	assert_only_blocks(START_ORDER, 1);
}
END_TEST

Suite *buddy_suite(void)
{
	Suite *suite = suite_create("buddy");
	TCase *tcase = tcase_create("buddy");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(
		tcase, empty_system_gives_nothing, range_is_listed_as_the_largest_aligned_blocks,
		empty_range_lists_nothing, adjacent_ranges_merge, take_prefers_the_exact_order,
		take_splits_a_larger_block, take_falls_back_to_the_largest_smaller_block,
		freed_halves_merge_into_what_was_split, neighbours_that_are_no_buddies_stay_apart,
		buddies_of_different_orders_stay_apart, block_leaves_the_middle_of_its_list,
		last_frame_of_memory_looks_for_no_buddy_past_the_end, frame_in_use_is_never_merged,
		every_listed_block_carries_its_tag, tags_of_all_orders_are_distinct,
		largest_blocks_do_not_merge,
		random_takes_and_frees_neither_lose_nor_double_a_frame);
	suite_add_tcase(suite, tcase);
	return suite;
}
