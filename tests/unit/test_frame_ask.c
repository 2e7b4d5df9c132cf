/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/frame_ask.h: an allocation that has found nothing gets what the keeper gives, waits for no keeper
 * that gives nothing, leaves, or is dead, and leaves no trace of itself in the words.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <string.h>

#include <pagevisor/keeper.h>

#include "pagemeta/frame_ask.h"
#include "pagemeta/segment.h"
#include "pagemeta/unique.h"
#include "unit/crew.h"
#include "unit/host_frames.h"

static const struct stamp_meta stamp = {.a = 7, .b = 8, .c = 9};

static unsigned rings;
static uint64_t given; /* blocks of the host that the keeper has given back */

static void announce(enum keeper_state state)
{
	__atomic_store_n(&frame_keeper.keeper, (uint32_t)state, __ATOMIC_RELEASE);
}

static void answer(void)
{
	const uint32_t asked = __atomic_load_n(&frame_keeper.asked, __ATOMIC_SEQ_CST);

	__atomic_store_n(&frame_keeper.answered, asked, __ATOMIC_SEQ_CST);
}

static void give_block(uint64_t block)
{
	host_let_go(FIRST + block * FRESH_FRAMES, FRESH_FRAMES);
	host_hint(FIRST + block * FRESH_FRAMES, FRESH_ORDER);
	host_release_batch();
	given++;
}

/* Keepers, each called when somebody rings. */

static void ring_for_a_block(void)
{
	rings++;
	if (given < BLOCKS)
		give_block(given);
	answer();
}

static void ring_for_all(void)
{
	rings++;
	while (given < BLOCKS)
		give_block(given);
	answer();
}

static void ring_for_nothing(void)
{
	rings++;
	answer();
}

static void ring_for_nobody(void)
{
	rings++;
}

/* A keeper that leaves gives everything back first. */
static void ring_and_leave(void)
{
	ring_for_all();
	announce(KEEPER_NONE);
}

static void ring_and_die(void)
{
	rings++;
	announce(KEEPER_NONE);
}

/* The host holds everything, softly. */
static void setup(void)
{
	host_frames_setup();
	host_take(FIRST, FRAMES);
	rings = 0;
	given = 0;
	host_keeper_turns = 1000;
	announce(KEEPER_SERVES);
}

static void teardown(void)
{
	host_keeper_ring = NULL;
	host_keeper_turns = UINT64_C(1) << 30;
	machine_destroy();
}

static bool take(void)
{
	return frame_alloc_or_ask(stamp, &stamp).slot;
}

static bool take_run(uint64_t count, uint64_t align)
{
	struct segment segment;

	return segment_alloc_or_ask(stamp, count, align, NULL, NULL, &segment);
}

static void expect_words(uint32_t asked, uint64_t refusals)
{
	ck_assert_uint_eq(frame_keeper.waiting, 0);
	ck_assert_uint_eq(frame_keeper.asked, asked);
	ck_assert_uint_eq(frame_keeper.asks, asked);
	ck_assert_uint_eq(frame_keeper.refusals, refusals);
}

START_TEST(an_ask_is_made_when_there_is_nothing_and_once)
{
	host_keeper_ring = ring_for_a_block;
	for (uint64_t i = 0; i < FRESH_FRAMES; i++)
		ck_assert(take());
	expect_words(1, 0);
	ck_assert_uint_eq(frame_keeper.ask_order, 0);
	ck_assert_uint_eq(frame_keeper.ask_frames, 1);
	ck_assert(take());
	expect_words(2, 0);
	ck_assert_uint_eq(rings, 2);
	ck_assert_uint_eq(given, 2);
}
END_TEST

START_TEST(unique_frames_and_runs_ask_for_what_they_need)
{
	host_keeper_ring = ring_for_a_block;
	ck_assert(unique_alloc_or_ask(stamp, &stamp).slot);
	expect_words(1, 0);
	ck_assert(take_run(FRESH_FRAMES, 1));
	expect_words(2, 0);
	ck_assert_uint_eq(frame_keeper.ask_order, FRESH_ORDER);
	host_keeper_ring = ring_for_all;
	ck_assert(take_run(FRESH_FRAMES + 1, 1));
	expect_words(3, 0);
	ck_assert_uint_eq(frame_keeper.ask_order, FRESH_ORDER + 1);
	ck_assert_uint_eq(frame_keeper.ask_frames, FRESH_FRAMES + 1);
	ck_assert(!take_run(3, 2 * FRESH_FRAMES));
	ck_assert_uint_eq(frame_keeper.ask_order, FRESH_ORDER + 1);
}
END_TEST

/* A run of two blocks needs both: the ask goes on until there is such a one. */
START_TEST(one_answer_need_not_do)
{
	host_keeper_ring = ring_for_a_block;
	ck_assert(take_run(2 * FRESH_FRAMES, 1));
	expect_words(2, 0);
	ck_assert_uint_eq(given, 2);
}
END_TEST

START_TEST(without_a_keeper_nothing_is_touched)
{
	announce(KEEPER_NONE);
	host_keeper_ring = ring_for_a_block;
	ck_assert(!take());
	ck_assert(!take_run(512, 1));
	expect_words(0, 0);
	ck_assert_uint_eq(rings, 0);
}
END_TEST

START_TEST(what_is_held_for_good_is_not_waited_for_but_counts)
{
	announce(KEEPER_GIVES_NOTHING);
	host_keeper_ring = ring_for_a_block;
	ck_assert(!take());
	expect_words(0, 1);
	ck_assert_uint_eq(rings, 0);
}
END_TEST

START_TEST(a_keeper_that_gives_nothing_is_asked_a_number_of_times)
{
	host_keeper_ring = ring_for_nothing;
	ck_assert(!take());
	expect_words(PLATFORM_MAX_CPUS, 1);
	ck_assert_uint_eq(rings, PLATFORM_MAX_CPUS);
}
END_TEST

START_TEST(a_dead_keeper_is_waited_for_once)
{
	host_keeper_ring = ring_for_nobody;
	ck_assert(!take());
	expect_words(1, 1);
	/* And in the middle, in case the first was lost. */
	ck_assert_uint_eq(rings, 2);
	ck_assert_uint_eq(frame_keeper.gave_up, 1);
	host_keeper_turns = UINT64_MAX;
	ck_assert(!take());
	expect_words(2, 2);
	ck_assert_uint_eq(frame_keeper.gave_up, 1);
	ck_assert_uint_eq(rings, 2);
	/* It is back. */
	answer();
	host_keeper_ring = ring_for_a_block;
	ck_assert(take());
	expect_words(3, 2);
}
END_TEST

START_TEST(a_bell_that_was_lost_is_rung_again)
{
	host_keeper_ring = ring_for_a_block;
	/* As if another CPU had asked, and rung, a moment ago. */
	frame_keeper.asked = 1;
	ck_assert(take());
	ck_assert_uint_eq(rings, 1);
	ck_assert_uint_eq(frame_keeper.answered, 2);
}
END_TEST

/* A frame that is asked for behind a run must not hide it. */
START_TEST(open_asks_keep_what_they_need)
{
	struct frame_ask run = FRAME_ASK_NONE, frame = FRAME_ASK_NONE;

	host_keeper_ring = ring_for_nobody;
	ck_assert(!frame_ask_again(&run, 3 * FRESH_FRAMES, 1));
	ck_assert(!frame_ask_again(&frame, 1, 1));
	ck_assert_uint_eq(frame_keeper.ask_order, FRESH_ORDER + 2);
	ck_assert_uint_eq(frame_keeper.ask_frames, 3 * FRESH_FRAMES);
	answer();
	frame_ask_end(&frame);
	ck_assert(!frame_ask_again(&frame, 1, 1));
	ck_assert_uint_eq(frame_keeper.ask_order, 0);
	ck_assert_uint_eq(frame_keeper.ask_frames, 1);
}
END_TEST

/* Nobody is asked for what there cannot be. */
START_TEST(what_is_impossible_is_not_asked_for)
{
	host_keeper_ring = ring_for_all;
	ck_assert(!take_run(meta_max_paddr / PAGE_SIZE + 1, 1));
	ck_assert(!take_run(1, UINT64_C(2) << FRAME_ORDER_MAX));
	ck_assert_uint_eq(frame_keeper.asked, 0);
}
END_TEST

START_TEST(a_keeper_that_leaves_gives_back_first)
{
	host_keeper_ring = ring_and_leave;
	ck_assert(take());
	expect_words(1, 0);
}
END_TEST

START_TEST(a_keeper_that_is_gone_is_not_waited_for)
{
	host_keeper_turns = UINT64_MAX;
	host_keeper_ring = ring_and_die;
	ck_assert(!take());
	expect_words(1, 1);
	ck_assert_uint_eq(rings, 1);
}
END_TEST

/* All was given back between the attempt that failed and the look for a keeper. */
START_TEST(a_keeper_that_has_just_left_is_no_refusal)
{
	struct frame_ask ask = FRAME_ASK_NONE;

	ck_assert(!frame_alloc(stamp, &stamp).slot);
	give_block(0);
	announce(KEEPER_NONE);
	ck_assert(frame_ask_again(&ask, 1, 1));
	ck_assert(frame_alloc(stamp, &stamp).slot);
	ck_assert(!frame_ask_again(&ask, 1, 1));
	frame_ask_end(&ask);
	expect_words(0, 0);
}
END_TEST

/* Another CPU has all that was released in its hand, and puts it down when the asker has waited for a while. */
static uint64_t hand_end;

static void *put_down(void *unused)
{
	(void)unused;
	while (__atomic_load_n(&hand_end, __ATOMIC_ACQUIRE) == 0)
		platform_relax();
	frame_put_aside_run(FIRST, hand_end);
	frame_handful_end();
	return NULL;
}

START_TEST(what_is_in_a_hand_is_waited_for)
{
	struct frame_ask ask = FRAME_ASK_NONE;
	pthread_t other;
	pfn_t run;

	host_keeper_turns = UINT64_C(1) << 40;
	host_let_go(FIRST, FRAMES);
	ck_assert(frame_alloc_take(FRAMES, 1, &run));
	ck_assert_uint_eq(run.index, FIRST);
	frame_handful_begin();
	hand_end = 0;
	ck_assert(!frame_alloc(stamp, &stamp).slot);
	host_release_batch();
	announce(KEEPER_NONE);
	ck_assert_int_eq(pthread_create(&other, NULL, put_down, NULL), 0);
	__atomic_store_n(&hand_end, FIRST + FRAMES, __ATOMIC_RELEASE);
	ck_assert(frame_ask_again(&ask, 1, 1));
	ck_assert(!frame_alloc_has_handful());
	ck_assert(frame_alloc(stamp, &stamp).slot);
	/* That was the last attempt. */
	ck_assert(!frame_ask_again(&ask, 1, 1));
	frame_ask_end(&ask);
	pthread_join(other, NULL);
}
END_TEST

/* Not for ever: the word is of the guest's own, but its CPU may have been stopped. */
START_TEST(a_hand_is_waited_for_so_long)
{
	struct frame_ask ask = FRAME_ASK_NONE;

	frame_handful_begin();
	host_release_batch();
	announce(KEEPER_NONE);
	ck_assert(frame_ask_again(&ask, 1, 1));
	ck_assert(!frame_ask_again(&ask, 1, 1));
	frame_ask_end(&ask);
	frame_handful_end();
}
END_TEST

/* Others may get what was released for one ask. While it is not answered, it stays the same one. */
START_TEST(a_release_is_worth_an_attempt_on_the_same_ask)
{
	struct frame_ask ask = FRAME_ASK_NONE;

	host_keeper_ring = host_release_batch;
	for (int i = 0; i < 3; i++) {
		ck_assert(frame_ask_again(&ask, 1, 1));
		ck_assert_uint_eq(frame_keeper.asked, 1);
		ck_assert_uint_eq(frame_keeper.waiting, 1);
		host_release_batch();
	}
	answer();
	ck_assert(frame_ask_again(&ask, 1, 1));
	ck_assert_uint_eq(frame_keeper.asked, 1);
	host_keeper_ring = ring_for_nothing;
	ck_assert(frame_ask_again(&ask, 1, 1));
	ck_assert_uint_eq(frame_keeper.asked, 2);
	frame_ask_end(&ask);
	expect_words(2, 0);
	frame_ask_end(&ask);
	expect_words(2, 0);
}
END_TEST

static void begin_at(uint32_t ticket)
{
	frame_keeper.asked = frame_keeper.answered = ticket;
}

START_TEST(tickets_wrap_around)
{
	static const uint32_t tickets[] = {UINT32_MAX, UINT32_MAX - 1, UINT32_C(0x7fffffff),
					   UINT32_C(0x80000000), UINT32_C(0x80000005)};

	begin_at(tickets[_i]);
	host_keeper_ring = ring_for_nobody;
	host_keeper_turns = 10;
	ck_assert(!take());
	ck_assert_uint_eq(frame_keeper.gave_up, tickets[_i] + 1);
	host_keeper_turns = UINT64_MAX;
	ck_assert(!take());
	ck_assert_uint_eq(frame_keeper.asked, tickets[_i] + 2);
	answer();
	host_keeper_ring = ring_for_a_block;
	ck_assert(take());
	ck_assert_uint_eq(frame_keeper.asked, tickets[_i] + 3);
}
END_TEST

/* What was given up long ago, or never, is no reason not to wait. */
START_TEST(a_dead_keeper_of_old_is_forgotten)
{
	begin_at(UINT32_C(0x80000005));
	host_keeper_ring = ring_for_a_block;
	ck_assert(take());
	ck_assert_uint_eq(rings, 1);
}
END_TEST

/* Threads: the keeper takes whatever is free, softly, and gives back when asked. */

#define TAKERS 3
#define TAKEN  (FRAMES / TAKERS) /* by each, at most: there is always enough */

static struct {
	uint64_t claimed;
	uint64_t refused;
	uint64_t full; /* times that a taker had all of its part */
	uint64_t runs;
} total;

static bool is_held[FRAMES];

static void crew_of_all(void)
{
	host_frames_setup();
	crew_setup();
	memset(&total, 0, sizeof(total));
	memset(is_held, 0, sizeof(is_held));
}

static uint64_t let_go(uint64_t first, uint64_t count)
{
	uint64_t released = 0;

	for (uint64_t i = first + count; i-- > first;)
		if (is_held[i]) {
			is_held[i] = !slot_host_release(slot_of(FIRST + i));
			released++;
		}
	return released;
}

static bool needs_run(void)
{
	return __atomic_load_n(&frame_keeper.ask_frames, __ATOMIC_RELAXED) > 1;
}

/* At least a block's worth, or everything. */
static void serve(void)
{
	uint32_t ticket;

	do {
		uint64_t released = 0, most = needs_run() ? FRAMES : FRESH_FRAMES;

		ticket = __atomic_load_n(&frame_keeper.asked, __ATOMIC_SEQ_CST);
		for (uint64_t i = 0; i < FRAMES && released < most; i += 64) {
			released += let_go(i, 64);
			host_hint(FIRST + i, 6);
		}
		host_release_batch();
		__atomic_store_n(&frame_keeper.answered, ticket, __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&frame_keeper.asked, __ATOMIC_SEQ_CST) != ticket);
}

static void run_keeper(struct crew_member *member)
{
	announce(KEEPER_SERVES);
	while (!crew_is_done()) {
		if (__atomic_load_n(&frame_keeper.asked, __ATOMIC_SEQ_CST) != frame_keeper.answered)
			serve();
		if (__atomic_load_n(&frame_keeper.waiting, __ATOMIC_ACQUIRE) != 0)
			continue;
		uint64_t i = crew_random(member, FRAMES);

		if (!is_held[i] && (is_held[i] = slot_host_claim(slot_of(FIRST + i))))
			crew_count(&total.claimed);
	}
	let_go(0, FRAMES);
	host_says_released();
	announce(KEEPER_NONE);
	answer();
}

static void run_taker(struct crew_member *member)
{
	static frame_t frames[TAKERS][TAKEN];
	frame_t *mine = frames[member->cpu];

	while (!crew_is_done()) {
		uint64_t count = 0, wanted = 1 + crew_random(member, TAKEN);

		while (count < wanted && (mine[count] = frame_alloc_or_ask(stamp, &stamp)).slot)
			count++;
		crew_count(count < wanted ? &total.refused : &total.full);
		while (count)
			frame_put(mine[--count]);
	}
}

START_TEST(soft_frames_refuse_nobody)
{
	static const struct crew_event wanted[] = {
		CREW_EVENT(total.claimed), CREW_EVENT(total.full), CREW_EVENT(frame_keeper.asks),
		CREW_EVENT(frame_keeper.taken_back)};

	for (unsigned i = 0; i < TAKERS; i++)
		crew_add(run_taker, NULL);
	crew_add(run_keeper, NULL);
	CREW_WORK(wanted);
	ck_assert_uint_eq(total.refused, 0);
	ck_assert_uint_eq(frame_keeper.refusals, 0);
	ck_assert_uint_eq(frame_keeper.waiting, 0);
	frame_alloc_merge();
	ck_assert_uint_eq(count_free(), FRAMES);
}
END_TEST

Suite *frame_ask_suite(void)
{
	Suite *suite = suite_create("frame_ask");
	TCase *tcase = tcase_create("frame_ask");
	TCase *threads = tcase_create("threads");

	tcase_add_checked_fixture(tcase, setup, teardown);
	TCASE_ADD_TESTS(tcase, an_ask_is_made_when_there_is_nothing_and_once,
			unique_frames_and_runs_ask_for_what_they_need, one_answer_need_not_do,
			without_a_keeper_nothing_is_touched,
			what_is_held_for_good_is_not_waited_for_but_counts,
			a_keeper_that_gives_nothing_is_asked_a_number_of_times,
			a_dead_keeper_is_waited_for_once, a_bell_that_was_lost_is_rung_again,
			open_asks_keep_what_they_need, what_is_impossible_is_not_asked_for,
			a_keeper_that_leaves_gives_back_first,
			a_keeper_that_is_gone_is_not_waited_for,
			a_keeper_that_has_just_left_is_no_refusal, what_is_in_a_hand_is_waited_for,
			a_hand_is_waited_for_so_long, a_release_is_worth_an_attempt_on_the_same_ask,
			a_dead_keeper_of_old_is_forgotten);
	tcase_add_loop_test(tcase, tickets_wrap_around, 0, 5);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(threads, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(threads, crew_of_all, teardown);
	TCASE_ADD_TESTS(threads, soft_frames_refuse_nobody);
	suite_add_tcase(suite, threads);
	return suite;
}
