/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/frag_stats.h, against values computed by hand. */
#include "unit/suites.h"

#include "pagemeta/frag_stats.h"
#include "unit/fixture.h"

static const struct frame_alloc_stats nothing_free = {.managed = 4096, .parked = 16};

/* 512 frames in one block. */
static const struct frame_alloc_stats one_block = {.managed = 4096, .blocks = {[9] = 1}};

/* 1000 single frames. */
static const struct frame_alloc_stats singles = {.managed = 4096, .blocks = {[0] = 1000}};

/* 8 + 8 + 16 + 32 = 64 frames in 8 + 4 + 4 + 1 = 17 blocks; half of the single ones are cached. */
static const struct frame_alloc_stats mixed = {
	.managed = 4096,
	.cached = 4,
	.parked = 7,
	.blocks = {[0] = 4, [1] = 4, [2] = 4, [5] = 1},
};

START_TEST(blocks_are_counted_by_order)
{
	ck_assert_uint_eq(frag_blocks(&mixed, 0), 8);
	ck_assert_uint_eq(frag_blocks(&mixed, 1), 4);
	ck_assert_uint_eq(frag_blocks(&mixed, 2), 4);
	ck_assert_uint_eq(frag_blocks(&mixed, 3), 0);
	ck_assert_uint_eq(frag_blocks(&mixed, 5), 1);
	ck_assert_uint_eq(frag_blocks(&mixed, FRAME_ORDER_MAX), 0);
}
END_TEST

START_TEST(free_frames_are_those_of_blocks_and_caches)
{
	ck_assert_uint_eq(frag_free_frames(&nothing_free), 0);
	ck_assert_uint_eq(frag_free_frames(&one_block), 512);
	ck_assert_uint_eq(frag_free_frames(&singles), 1000);
	ck_assert_uint_eq(frag_free_frames(&mixed), 64);
}
END_TEST

START_TEST(usable_frames_lie_in_blocks_that_are_large_enough)
{
	ck_assert_uint_eq(frag_usable_frames(&mixed, 0), 64);
	ck_assert_uint_eq(frag_usable_frames(&mixed, 1), 56);
	ck_assert_uint_eq(frag_usable_frames(&mixed, 2), 48);
	ck_assert_uint_eq(frag_usable_frames(&mixed, 3), 32);
	ck_assert_uint_eq(frag_usable_frames(&mixed, 5), 32);
	ck_assert_uint_eq(frag_usable_frames(&mixed, 6), 0);
}
END_TEST

START_TEST(nothing_free_is_all_unusable)
{
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
		ck_assert_uint_eq(frag_unusable_index(&nothing_free, order), 1000);
		ck_assert_int_eq(frag_external_index(&nothing_free, order), 0);
	}
}
END_TEST

START_TEST(one_block_serves_all_orders_up_to_its_own)
{
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		ck_assert_uint_eq(frag_unusable_index(&one_block, order), order <= 9 ? 0 : 1000);
}
END_TEST

START_TEST(largest_blocks_serve_everything)
{
	const struct frame_alloc_stats stats = {.blocks = {[FRAME_ORDER_MAX] = 4}};

	ck_assert_uint_eq(frag_unusable_index(&stats, 0), 0);
	ck_assert_uint_eq(frag_unusable_index(&stats, FRAME_ORDER_MAX), 0);
	ck_assert_int_eq(frag_external_index(&stats, FRAME_ORDER_MAX), FRAG_NO_INDEX);
}
END_TEST

START_TEST(unusable_share_of_mixed_blocks)
{
	/* 8, 16 and 32 of 64 frames lie in blocks that are too small. */
	ck_assert_uint_eq(frag_unusable_index(&mixed, 0), 0);
	ck_assert_uint_eq(frag_unusable_index(&mixed, 1), 125);
	ck_assert_uint_eq(frag_unusable_index(&mixed, 2), 250);
	ck_assert_uint_eq(frag_unusable_index(&mixed, 3), 500);
	ck_assert_uint_eq(frag_unusable_index(&mixed, 5), 500);
	ck_assert_uint_eq(frag_unusable_index(&mixed, 6), 1000);
}
END_TEST

START_TEST(unusable_share_is_rounded_towards_zero)
{
	/* 1 of 3 frames. */
	const struct frame_alloc_stats stats = {.blocks = {[0] = 1, [1] = 1}};

	ck_assert_uint_eq(frag_unusable_index(&stats, 1), 333);
}
END_TEST

START_TEST(request_that_succeeds_has_no_external_index)
{
	ck_assert_int_eq(frag_external_index(&one_block, 9), FRAG_NO_INDEX);
	ck_assert_int_eq(frag_external_index(&singles, 0), FRAG_NO_INDEX);
	ck_assert_int_eq(frag_external_index(&mixed, 5), FRAG_NO_INDEX);
}
END_TEST

START_TEST(failure_for_lack_of_memory_is_near_zero)
{
	/* 1 - (1 + 512 / 1024) / 1 < 0: memory is short, whatever its shape. */
	ck_assert_int_eq(frag_external_index(&one_block, 10), -500);
	/* 1 - (1 + 1/2^18 of 512) / 1 = -0.001953. */
	ck_assert_int_eq(frag_external_index(&one_block, 18), -1);
}
END_TEST

START_TEST(failure_for_fragmentation_is_near_one)
{
	/* 1 - (1 + 1000 / 2) / 1000 = 0.499; for 512 frames 1 - (1 + 1000 / 512) / 1000 = 0.997047. */
	ck_assert_int_eq(frag_external_index(&singles, 1), 499);
	ck_assert_int_eq(frag_external_index(&singles, 9), 998);
	/* 1 - (1 + 64 / 64) / 17 = 0.882. */
	ck_assert_int_eq(frag_external_index(&mixed, 6), 883);
}
END_TEST

START_TEST(a_petabyte_does_not_overflow)
{
	const struct frame_alloc_stats stats = {
		.cached = UINT64_C(1) << 37,
		.blocks = {[FRAME_ORDER_MAX] = UINT64_C(1) << 19},
	};

	ck_assert_uint_eq(frag_unusable_index(&stats, 1), 500);
}
END_TEST

START_TEST(indices_of_a_real_allocator)
{
	static const struct stamp_meta stamp;
	struct frame_alloc_stats stats;
	frame_t last = FRAME_NONE;

	frame_alloc_merge();
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(frag_free_frames(&stats), count_free());
	ck_assert_int_eq(frag_external_index(&stats, 0), FRAG_NO_INDEX);
	for (frame_t frame; (frame = frame_alloc(stamp, &stamp)).slot;)
		last = frame;
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(frag_unusable_index(&stats, 0), 1000);
	frame_put(last);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(frag_unusable_index(&stats, 0), 0);
	ck_assert_uint_eq(frag_unusable_index(&stats, 1), 1000);
}
END_TEST

Suite *frag_stats_suite(void)
{
	Suite *suite = suite_create("frag_stats");
	TCase *tcase = tcase_create("frag_stats");

	tcase_add_checked_fixture(tcase, small_allocator_setup, machine_destroy);
	TCASE_ADD_TESTS(
		tcase, blocks_are_counted_by_order, free_frames_are_those_of_blocks_and_caches,
		usable_frames_lie_in_blocks_that_are_large_enough, nothing_free_is_all_unusable,
		one_block_serves_all_orders_up_to_its_own, largest_blocks_serve_everything,
		unusable_share_of_mixed_blocks, unusable_share_is_rounded_towards_zero,
		request_that_succeeds_has_no_external_index,
		failure_for_lack_of_memory_is_near_zero, failure_for_fragmentation_is_near_one,
		a_petabyte_does_not_overflow, indices_of_a_real_allocator);
	suite_add_tcase(suite, tcase);
	return suite;
}
