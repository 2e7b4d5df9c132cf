/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of the hints that pagemeta/frame_parked.c takes: what the keeper names is looked at, and nothing else unless
 * there were too many. A hint may be anything.
 */
#include "unit/suites.h"

#include <pagevisor/keeper.h>

#include "unit/crew.h"
#include "unit/host_frames.h"

#define SINGLES BLOCK /* of which every other frame is the host's, and parked by itself */
#define WHOLE   (BLOCK + FRESH_FRAMES)
#define PARKED  (FRESH_FRAMES / 2 + FRESH_FRAMES)

static void setup(void)
{
	host_frames_setup();
	host_take(WHOLE, FRESH_FRAMES);
	for (uint64_t i = 0; i < FRESH_FRAMES; i += 2)
		host_take(SINGLES + i, 1);
	take_all();
	put_all();
	frame_alloc_merge();
	ck_assert_uint_eq(read_stats().parked, PARKED);
	ck_assert_uint_eq(frame_keeper.parked_blocks, 1);
}

/* How many of the parked the allocator has found released by now. */
static uint64_t found(void)
{
	frame_alloc_merge();
	ck_assert_uint_eq(PARKED - read_stats().parked, frame_keeper.taken_back);
	return frame_keeper.taken_back;
}

/* The last frame is released, too, and nobody says so: whoever finds it has looked at more than the hints. */
static void release_one_in_silence(void)
{
	host_let_go(SINGLES + FRESH_FRAMES - 2, 1);
}

START_TEST(a_hint_is_all_that_is_looked_at)
{
	release_one_in_silence();
	host_let_go(SINGLES + 6, 1);
	host_hint(SINGLES + 6, 0);
	host_release_batch();
	ck_assert_uint_eq(found(), 1);
	ck_assert(!frame_parked_is_stale());
}
END_TEST

START_TEST(a_block_that_was_parked_as_one_comes_back_as_one)
{
	release_one_in_silence();
	host_let_go(WHOLE, FRESH_FRAMES);
	host_hint(WHOLE, FRESH_ORDER);
	host_release_batch();
	ck_assert_uint_eq(found(), FRESH_FRAMES);
}
END_TEST

START_TEST(a_hint_at_a_block_stands_for_its_frames)
{
	release_one_in_silence();
	for (uint64_t i = 64; i < 128; i += 2)
		host_let_go(SINGLES + i, 1);
	host_hint(SINGLES + 64, 6);
	host_release_batch();
	ck_assert_uint_eq(found(), 32);
}
END_TEST

/* Whoever released all frames of a block may have hinted at its parts. */
START_TEST(a_part_with_the_first_frame_stands_for_a_parked_block)
{
	host_let_go(WHOLE, FRESH_FRAMES);
	host_hint(WHOLE + 256, 8);
	host_hint(WHOLE, 8);
	host_release_batch();
	ck_assert_uint_eq(found(), FRESH_FRAMES);
}
END_TEST

/* The last one may be half written over. */
START_TEST(more_hints_than_the_ring_holds_are_a_walk)
{
	release_one_in_silence();
	host_let_go(SINGLES + 6, 1);
	host_hint(SINGLES + 6, 0);
	for (int i = 0; i < KEEPER_HINTS - 2 + _i; i++)
		host_hint(SINGLES + 1, 0);
	host_release_batch();
	ck_assert_uint_eq(found(), 1 + (uint64_t)_i);
	/* From then on hints will do again. */
	host_let_go(SINGLES + 8, 1);
	host_let_go(SINGLES + 10, 1);
	host_hint(SINGLES + 8, 0);
	host_release_batch();
	ck_assert_uint_eq(found(), 2 + (uint64_t)_i);
}
END_TEST

START_TEST(hints_are_taken_in_parts)
{
	unsigned parts = 0;

	for (uint64_t i = 0; i < FRESH_FRAMES; i += 8) {
		host_let_go(SINGLES + i, 1);
		host_hint(SINGLES + i, 2);
	}
	host_release_batch();
	for (; frame_parked_is_stale(); parts++) {
		ck_assert_uint_lt(parts, FRAMES);
		spin_lock(&frame_pool.lock);
		frame_pool_unpark(16);
		spin_unlock(&frame_pool.lock);
	}
	ck_assert_uint_eq(parts, 64 / 4);
	ck_assert_uint_eq(found(), 64);
}
END_TEST

/* Hints of a keeper that lies: none is followed out of the allocator's frames, and what is not parked stays. */
START_TEST(a_hint_may_be_anything)
{
	static const uint64_t lies[] = {0,
					1,
					UINT64_MAX,
					UINT64_MAX - 255,
					(WHOLE << KEEPER_HINT_SHIFT) | 10,
					(WHOLE << KEEPER_HINT_SHIFT) | 255,
					((WHOLE + 1) << KEEPER_HINT_SHIFT) | 9,
					((FIRST - 512) << KEEPER_HINT_SHIFT) | 9,
					((FIRST + FRAMES) << KEEPER_HINT_SHIFT) | 9,
					(FIRST << KEEPER_HINT_SHIFT) | 9,
					UINT64_C(1) << 63};

	take_all();
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		host_hint(keeper_hint_frame(lies[i]), keeper_hint_order(lies[i]));
		host_release_batch();
		frame_parked_walk_all();
		ck_assert(!frame_parked_is_stale());
	}
	put_all();
	ck_assert_uint_eq(found(), 0);
	__atomic_fetch_add(&frame_keeper.hint_head, UINT32_C(0x80000000), __ATOMIC_RELEASE);
	host_release_batch();
	ck_assert_uint_eq(found(), 0);
}
END_TEST

/* A walk in parts has begun when more is released: its hints are for afterwards. */
START_TEST(a_hint_during_a_walk_is_not_lost)
{
	host_says_released();
	spin_lock(&frame_pool.lock);
	frame_pool_unpark(PARKED / 4);
	spin_unlock(&frame_pool.lock);
	for (uint64_t i = 0; i < FRESH_FRAMES; i += 2) {
		host_let_go(SINGLES + i, 1);
		host_hint(SINGLES + i, 0);
		host_release_batch();
	}
	ck_assert_uint_eq(found(), FRESH_FRAMES / 2);
}
END_TEST

static struct {
	uint64_t released;
	uint64_t taken;
	uint64_t errors;
} total;

static void crew_of_all(void)
{
	host_frames_setup();
	crew_setup();
	total.released = total.taken = total.errors = 0;
}

/* Small runs of frames, so that all sizes of hints are met. */
static void run_host(struct crew_member *member)
{
	while (!crew_is_done()) {
		unsigned order = (unsigned)crew_random(member, 6);
		uint64_t first = FIRST + (crew_random(member, FRAMES) >> order << order);
		uint64_t size = UINT64_C(1) << order;
		bool has[32];

		for (uint64_t i = 0; i < size; i++)
			has[i] = slot_host_claim(slot_of(first + i));
		for (uint64_t i = size; i-- > 0;)
			if (has[i] && !slot_host_release(slot_of(first + i)))
				crew_count(&total.errors);
		host_hint(first, order);
		host_release_batch();
		crew_count(&total.released);
	}
}

static void run_taker(struct crew_member *member)
{
	const struct stamp_meta stamp = {.a = 1};
	frame_t frames[256];

	while (!crew_is_done()) {
		unsigned count = 0, wanted = 1 + (unsigned)crew_random(member, 256);

		while (count < wanted && (frames[count] = frame_alloc(stamp, &stamp)).slot)
			count++;
		crew_count(&total.taken);
		while (count)
			frame_put(frames[--count]);
		if (crew_random(member, 64) == 0)
			frame_alloc_merge();
	}
}

START_TEST(nothing_that_was_hinted_stays_parked)
{
	static const struct crew_event wanted[] = {
		CREW_EVENT(total.released), CREW_EVENT(total.taken),
		CREW_EVENT(frame_keeper.parked_frames), CREW_EVENT(frame_keeper.taken_back)};

	for (unsigned i = 0; i < 3; i++)
		crew_add(run_taker, NULL);
	crew_add(run_host, NULL);
	CREW_WORK(wanted);
	ck_assert_uint_eq(total.errors, 0);
	frame_alloc_merge();
	ck_assert_uint_eq(read_stats().parked, 0);
	ck_assert_uint_eq(count_free(), FRAMES);
}
END_TEST

Suite *frame_hints_suite(void)
{
	Suite *suite = suite_create("frame_hints");
	TCase *tcase = tcase_create("frame_hints");
	TCase *threads = tcase_create("threads");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, a_hint_is_all_that_is_looked_at,
			a_block_that_was_parked_as_one_comes_back_as_one,
			a_hint_at_a_block_stands_for_its_frames,
			a_part_with_the_first_frame_stands_for_a_parked_block,
			hints_are_taken_in_parts, a_hint_may_be_anything,
			a_hint_during_a_walk_is_not_lost);
	tcase_add_loop_test(tcase, more_hints_than_the_ring_holds_are_a_walk, 0, 2);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(threads, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(threads, crew_of_all, machine_destroy);
	TCASE_ADD_TESTS(threads, nothing_that_was_hinted_stays_parked);
	suite_add_tcase(suite, threads);
	return suite;
}
