/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/frame_parked.c, and of whoever puts aside what the host holds: nothing that is put aside costs
 * anything until the host says that it has released something, a block of 512 is put aside as one, and nothing is lost.
 */
#include "unit/suites.h"

#include <sched.h>
#include <string.h>

#include <pagevisor/keeper.h>

#include "pagemeta/meta_check.h"
#include "pagemeta/segment.h"
#include "unit/crew.h"
#include "unit/host_frames.h"

static const struct stamp_meta stamp = {.a = 7, .b = 8, .c = 9};

START_TEST(what_is_parked_is_looked_at_when_the_host_says_so)
{
	host_take(BLOCK, 3);
	take_all();
	ck_assert_uint_eq(held_count, FRAMES - 3);
	host_let_go(BLOCK, 3);
	ck_assert(!take_one());
	ck_assert_uint_eq(read_stats().parked, 3);
	host_says_released();
	take_all();
	ck_assert_uint_eq(held_count, FRAMES);
	ck_assert_uint_eq(read_stats().parked, 0);
	ck_assert_uint_eq(frame_keeper.parked_frames, 3);
	ck_assert_uint_eq(frame_keeper.taken_back, 3);
}
END_TEST

START_TEST(a_block_of_the_hosts_is_parked_as_one)
{
	host_take(BLOCK, FRESH_FRAMES);
	take_all();
	ck_assert_uint_eq(held_count, FRAMES - FRESH_FRAMES);
	ck_assert_uint_eq(read_stats().parked, FRESH_FRAMES);
	ck_assert_uint_eq(frame_keeper.parked_blocks, 1);
	ck_assert_uint_eq(frame_keeper.parked_frames, 0);
	ck_assert_uint_eq(slot_of(BLOCK)->vtable_ptr, FREE_TAG_PARKED + FRESH_ORDER);
	host_let_go(BLOCK, FRESH_FRAMES);
	host_says_released();
	take_all();
	ck_assert_uint_eq(held_count, FRAMES);
	ck_assert_uint_eq(frame_keeper.taken_back, FRESH_FRAMES);
}
END_TEST

/* Its first frame goes last, so until then it is the host's. */
START_TEST(a_block_that_is_being_released_stays)
{
	host_take(BLOCK, FRESH_FRAMES);
	take_all();
	host_let_go(BLOCK + 1, FRESH_FRAMES - 1);
	host_says_released();
	ck_assert(!take_one());
	ck_assert_uint_eq(read_stats().parked, FRESH_FRAMES);
	host_let_go(BLOCK, 1);
	host_says_released();
	take_all();
	ck_assert_uint_eq(held_count, FRAMES);
}
END_TEST

/* The one frame of a block that the host does not hold, in any place. */
START_TEST(a_block_with_a_frame_of_another_is_not_parked_as_one)
{
	const uint64_t others[] = {BLOCK, BLOCK + 1, BLOCK + 300, BLOCK + FRESH_FRAMES - 1};
	const uint64_t other = others[_i];

	host_take(BLOCK, other - BLOCK);
	host_take(other + 1, BLOCK + FRESH_FRAMES - other - 1);
	take_all();
	ck_assert_uint_eq(held_count, FRAMES - FRESH_FRAMES + 1);
	ck_assert_uint_eq(frame_keeper.parked_blocks, 0);
	ck_assert_uint_eq(frame_keeper.parked_frames, FRESH_FRAMES - 1);
	host_let_go(BLOCK, other - BLOCK);
	host_let_go(other + 1, BLOCK + FRESH_FRAMES - other - 1);
	host_says_released();
	take_all();
	ck_assert_uint_eq(held_count, FRAMES);
	put_all();
	frame_alloc_merge();
	ck_assert_uint_eq(count_free(), FRAMES);
}
END_TEST

/* Runs of every size up to a block's, and longer ones. */
START_TEST(runs_park_a_block_of_the_hosts_as_one)
{
	const uint64_t counts[] = {1, 2, 7, 8, 256, 300, FRESH_FRAMES, 2 * FRESH_FRAMES};
	const uint64_t count = counts[_i];
	struct segment segments[FRAMES];
	unsigned made = 0;

	frame_alloc_merge();
	for (unsigned i = 0; i < BLOCKS; i += 2)
		host_take(FIRST + i * FRESH_FRAMES, FRESH_FRAMES);
	while (segment_alloc(stamp, count, 1, NULL, NULL, &segments[made]))
		made++;
	ck_assert_uint_eq(frame_keeper.parked_blocks, BLOCKS / 2);
	ck_assert_uint_eq(frame_keeper.parked_frames, 0);
	ck_assert_uint_eq(frame_keeper.warmed, 0);
	if (count <= FRESH_FRAMES)
		ck_assert_uint_ge(made, BLOCKS / 2 * (FRESH_FRAMES / align_up(count, 512)));
	while (made)
		segment_drop(&segments[--made]);
	ck_assert_uint_eq(count_free(), FRAMES / 2);
	for (unsigned i = 0; i < BLOCKS; i += 2)
		host_let_go(FIRST + i * FRESH_FRAMES, FRESH_FRAMES);
	host_says_released();
	frame_alloc_merge();
	ck_assert_uint_eq(count_free(), FRAMES);
}
END_TEST

START_TEST(frames_claimed_for_a_spoiled_run_are_counted)
{
	struct segment segment = SEGMENT_NONE;

	for (unsigned i = 0; i < BLOCKS; i++)
		host_take(FIRST + i * FRESH_FRAMES + 100, 1);
	ck_assert(!segment_alloc(stamp, FRESH_FRAMES, 1, NULL, NULL, &segment));
	ck_assert_uint_eq(frame_keeper.warmed, BLOCKS * 100);
	ck_assert_uint_eq(frame_keeper.parked_frames, BLOCKS);
	ck_assert_uint_eq(count_free(), FRAMES - BLOCKS);
}
END_TEST

/* The host lets go between the claim that failed and the lock. */
START_TEST(a_frame_that_is_not_the_hosts_any_more_is_listed)
{
	pfn_t frame, block;

	ck_assert(frame_alloc_take(1, 1, &frame));
	frame_alloc_put_aside(frame);
	ck_assert_uint_eq(read_stats().parked, 0);
	ck_assert(frame_alloc_take(FRESH_FRAMES, FRESH_FRAMES, &block));
	spin_lock(&frame_pool.lock);
	frame_pool_put_aside_block(block.index, slot_state(0, REF_HOST));
	spin_unlock(&frame_pool.lock);
	ck_assert_uint_eq(read_stats().parked, 0);
	ck_assert_uint_eq(count_free(), FRAMES);
}
END_TEST

/* Every second frame of the memory, parked in the order of the addresses. */
static void park_many(void)
{
	for (uint64_t frame = FIRST; frame < FIRST + FRAMES; frame += 2)
		host_take(frame, 1);
	take_all();
	put_all();
	frame_alloc_merge();
	ck_assert_uint_eq(read_stats().parked, FRAMES / 2);
}

/* Then the block is not the host's as a whole, whatever its first frame says. */
START_TEST(a_block_whose_first_frame_is_taken_again_is_listed)
{
	host_take(BLOCK, FRESH_FRAMES);
	take_all();
	ck_assert_uint_eq(frame_keeper.parked_blocks, 1);
	host_let_go(BLOCK, FRESH_FRAMES);
	host_take(BLOCK, 1);
	if (_i)
		host_hint(BLOCK, FRESH_ORDER);
	else
		host_says_released();
	host_release_batch();
	take_all();
	ck_assert_uint_eq(held_count, FRAMES - 1);
	ck_assert_uint_eq(read_stats().parked, 1);
}
END_TEST

/* The same between the look at the block and the lock. */
START_TEST(a_block_is_parked_in_the_state_in_which_it_was_found)
{
	uint64_t state;
	pfn_t block;

	ck_assert(frame_alloc_take(FRESH_FRAMES, FRESH_FRAMES, &block));
	host_take(block.index, FRESH_FRAMES);
	ck_assert(frame_block_is_host(block.index, &state));
	host_let_go(block.index, FRESH_FRAMES);
	host_take(block.index, 1);
	spin_lock(&frame_pool.lock);
	frame_pool_put_aside_block(block.index, state);
	spin_unlock(&frame_pool.lock);
	ck_assert_uint_eq(read_stats().parked, 0);
	take_all();
	ck_assert_uint_eq(held_count, FRAMES - 1);
}
END_TEST

static void walk_a_part(uint64_t limit)
{
	spin_lock(&frame_pool.lock);
	frame_pool_unpark(limit);
	spin_unlock(&frame_pool.lock);
}

START_TEST(a_walk_in_parts_finds_all_and_then_ends)
{
	unsigned parts = 0;

	park_many();
	for (uint64_t frame = FIRST; frame < FIRST + FRAMES; frame += 20)
		host_let_go(frame, 1);
	host_says_released();
	for (; frame_parked_is_stale(); parts++) {
		ck_assert_uint_lt(parts, FRAMES);
		walk_a_part(16);
	}
	ck_assert_uint_eq(parts, FRAMES / 2 / 16);
	ck_assert_uint_eq(frame_keeper.taken_back, (FRAMES + 19) / 20);
	/* Nobody says that this one came back. */
	host_let_go(FIRST + 2, 1);
	walk_a_part(UINT64_MAX);
	ck_assert_uint_eq(frame_keeper.taken_back, (FRAMES + 19) / 20);
}
END_TEST

/* What is parked while a walk goes on is behind it, and a release in the middle of it needs another walk. */
START_TEST(a_release_during_a_walk_is_found_by_the_next)
{
	park_many();
	host_says_released();
	walk_a_part(FRAMES / 2 - 1);
	ck_assert(frame_parked_is_stale());
	host_take(FIRST + 1, 1);
	take_all();
	put_all();
	frame_alloc_merge();
	ck_assert_uint_eq(read_stats().parked, FRAMES / 2 + 1);
	host_let_go(FIRST + 1, 1);
	host_let_go(FIRST + 2, 1);
	host_says_released();
	frame_parked_walk_all();
	ck_assert(!frame_parked_is_stale());
	ck_assert_uint_eq(read_stats().parked, FRAMES / 2 - 1);
}
END_TEST

START_TEST(any_value_of_released_will_do)
{
	const uint32_t values[] = {UINT32_MAX, 1, UINT32_C(1) << 31, 5, 4, 0};

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		host_take(BLOCK, 1);
		take_all();
		put_all();
		host_let_go(BLOCK, 1);
		host_says_released();
		__atomic_store_n(&frame_keeper.released, values[i], __ATOMIC_RELEASE);
		take_all();
		ck_assert_uint_eq(held_count, FRAMES);
		put_all();
	}
}
END_TEST

START_TEST(a_frame_of_a_parked_block_cannot_be_given)
{
	host_take(BLOCK, FRESH_FRAMES);
	take_all();
	frame_alloc_give(pfn(BLOCK + 5), 1);
}
END_TEST

START_TEST(the_hosts_frames_are_as_they_should_be)
{
	struct meta_fault fault;

	host_take(BLOCK, FRESH_FRAMES);
	host_take(FIRST, 1);
	take_all();
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

/* The bytes of a frame that the host may have taken are not touched: its memory would come back. */
START_TEST(no_byte_of_a_free_frame_is_touched)
{
	struct segment segment;
	uint64_t resident = count_resident(FIRST * PAGE_SIZE, (FIRST + FRAMES) * PAGE_SIZE);

	host_take(BLOCK, FRESH_FRAMES);
	host_take(BLOCK + FRESH_FRAMES + 100, 1);
	while (segment_alloc_zeroed(stamp, FRESH_FRAMES, 1, NULL, NULL, &segment))
		resident += FRESH_FRAMES;
	ck_assert_uint_eq(count_resident(FIRST * PAGE_SIZE, (FIRST + FRAMES) * PAGE_SIZE),
			  resident);
}
END_TEST

/* ---- threads ---- */

static struct {
	uint64_t whole; /* times that the block seemed to be the host's */
	uint64_t looks;
	uint64_t swaps;
	uint64_t taken;
	uint64_t refused;
	uint64_t host_blocks;
	uint64_t two_owners;
} total;

static void crew_of_all(void)
{
	host_frames_setup();
	crew_setup();
	memset(&total, 0, sizeof(total));
}

/* All frames of the block but one, and that one is another one each time. */
static void run_swapping_host(struct crew_member *member)
{
	uint64_t missing = BLOCK + FRESH_FRAMES - 1;

	(void)member;
	while (!crew_is_done()) {
		uint64_t next = missing == BLOCK + 1 ? BLOCK + FRESH_FRAMES - 1 : BLOCK + 1;

		slot_host_release(slot_of(next));
		(void)slot_host_claim(slot_of(missing));
		missing = next;
		crew_count(&total.swaps);
	}
}

static void run_looker(struct crew_member *member)
{
	uint64_t state;

	(void)member;
	while (!crew_is_done()) {
		total.whole += frame_block_is_host(BLOCK, &state);
		crew_count(&total.looks);
	}
}

START_TEST(a_block_is_the_hosts_only_if_it_was_at_one_moment)
{
	static const struct crew_event wanted[] = {CREW_EVENT(total.looks),
						   CREW_EVENT(total.swaps)};

	host_take(BLOCK, FRESH_FRAMES - 1);
	crew_add(run_swapping_host, NULL);
	crew_add(run_looker, NULL);
	CREW_WORK(wanted);
	ck_assert_uint_eq(total.whole, 0);
}
END_TEST

/* Takes whole blocks as far as they are free, and releases them again, the first frame last. */
static void run_block_host(struct crew_member *member)
{
	while (!crew_is_done()) {
		uint64_t block = FIRST + crew_random(member, BLOCKS) * FRESH_FRAMES;
		bool has[FRESH_FRAMES];
		unsigned count = 0;

		for (unsigned i = 0; i < FRESH_FRAMES; i++) {
			has[i] = slot_host_claim(slot_of(block + i));
			count += has[i];
		}
		if (count == FRESH_FRAMES)
			crew_count(&total.host_blocks);
		for (unsigned i = FRESH_FRAMES; i-- > 0;)
			if (has[i] && !slot_host_release(slot_of(block + i)))
				crew_count(&total.two_owners);
		host_says_released();
	}
}

static void take_frames(struct crew_member *member)
{
	frame_t frames[64];
	unsigned count = 0;

	while (count < 1 + crew_random(member, 64) &&
	       (frames[count] = frame_alloc(stamp, &stamp)).slot)
		count++;
	crew_count(count ? &total.taken : &total.refused);
	while (count)
		frame_put(frames[--count]);
}

static void take_run(struct crew_member *member)
{
	struct segment segment;

	if (segment_alloc(stamp, UINT64_C(1) << crew_random(member, 11), 1, NULL, NULL, &segment))
		segment_drop(&segment);
}

static void run_taker(struct crew_member *member)
{
	while (!crew_is_done())
		if (crew_random(member, 4))
			take_frames(member);
		else
			take_run(member);
}

static uint64_t rounds; /* that have begun */

static void run_walker(struct crew_member *member)
{
	uint64_t mine = 0;

	(void)member;
	while (!crew_is_done())
		if (__atomic_load_n(&rounds, __ATOMIC_ACQUIRE) != mine) {
			mine = __atomic_load_n(&rounds, __ATOMIC_ACQUIRE);
			frame_parked_walk_all();
			crew_count(&total.looks);
		}
}

/* Two releases, and then none until all have walked. */
static void run_quiet_host(struct crew_member *member)
{
	while (!crew_is_done()) {
		uint64_t walked = __atomic_load_n(&total.looks, __ATOMIC_RELAXED);

		host_release_batch();
		__atomic_fetch_add(&rounds, 1, __ATOMIC_RELEASE);
		for (uint64_t i = crew_random(member, 100); i > 0; i--)
			platform_relax();
		host_release_batch();
		while (!crew_is_done() &&
		       __atomic_load_n(&total.looks, __ATOMIC_RELAXED) < walked + 3)
			sched_yield();
		crew_count(&total.swaps);
	}
}

/* What one of them waits for may have been seen by another, with more. A walker that does not end fails by the time-out. */
START_TEST(walks_end_when_the_host_is_quiet)
{
	static const struct crew_event wanted[] = {CREW_EVENT(total.looks),
						   CREW_EVENT(total.swaps)};

	rounds = 0;
	for (unsigned i = 0; i < 3; i++)
		crew_add(run_walker, NULL);
	crew_add(run_quiet_host, NULL);
	CREW_WORK(wanted);
	/* The last round may have had no walk. */
	frame_parked_walk_all();
	ck_assert(!frame_parked_is_stale());
}
END_TEST

START_TEST(blocks_come_and_go_and_none_is_lost)
{
	static const struct crew_event wanted[] = {
		CREW_EVENT(total.taken), CREW_EVENT(total.host_blocks),
		CREW_EVENT(frame_keeper.parked_blocks), CREW_EVENT(frame_keeper.parked_frames)};

	for (unsigned i = 0; i < 3; i++)
		crew_add(run_taker, NULL);
	crew_add(run_block_host, NULL);
	CREW_WORK(wanted);
	ck_assert_uint_eq(total.two_owners, 0);
	frame_alloc_merge();
	ck_assert_uint_eq(read_stats().parked, 0);
	ck_assert_uint_eq(count_free(), FRAMES);
	ck_assert_uint_eq(read_stats().blocks[FRESH_ORDER + 2], BLOCKS / 4);
}
END_TEST

Suite *frame_parked_suite(void)
{
	Suite *suite = suite_create("frame_parked");
	TCase *tcase = tcase_create("frame_parked");
	TCase *threads = tcase_create("threads");

	tcase_add_checked_fixture(tcase, host_frames_setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, what_is_parked_is_looked_at_when_the_host_says_so,
			a_block_of_the_hosts_is_parked_as_one, a_block_that_is_being_released_stays,
			frames_claimed_for_a_spoiled_run_are_counted,
			a_frame_that_is_not_the_hosts_any_more_is_listed,
			a_walk_in_parts_finds_all_and_then_ends,
			a_release_during_a_walk_is_found_by_the_next, any_value_of_released_will_do,
			the_hosts_frames_are_as_they_should_be, no_byte_of_a_free_frame_is_touched);
	tcase_add_loop_test(tcase, a_block_with_a_frame_of_another_is_not_parked_as_one, 0, 4);
	tcase_add_loop_test(tcase, runs_park_a_block_of_the_hosts_as_one, 0, 8);
	tcase_add_test(tcase, a_block_is_parked_in_the_state_in_which_it_was_found);
	tcase_add_loop_test(tcase, a_block_whose_first_frame_is_taken_again_is_listed, 0, 2);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(threads, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(threads, crew_of_all, machine_destroy);
	TCASE_ADD_TESTS(threads, walks_end_when_the_host_is_quiet,
			a_block_is_the_hosts_only_if_it_was_at_one_moment,
			blocks_come_and_go_and_none_is_lost);
	suite_add_tcase(suite, threads);
	SUITE_ADD_ABORT_TESTS(suite, host_frames_setup, machine_destroy,
			      a_frame_of_a_parked_block_cannot_be_given);
	return suite;
}
