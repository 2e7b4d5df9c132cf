/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/manage/keeper_words.h, and of asks: what the guest learns of releases, and what it gets when it asks.
 */
#include "unit/suites.h"

#include <errno.h>

#include "base/clock.h"
#include "manage/keeper.h"
#include "manage/manager.h"
#include "unit/managed_guest.h"
#include "unit/managed_manager.h"

#define RAM (MANAGED_LOW_SIZE + MANAGED_HIGH_SIZE)

static struct gate gate;
static struct keeper keeper;
static struct error err;

static void setup(void)
{
	managed_guest_setup();
	gate_init(&gate, &managed.control);
	ck_assert_int_eq(keeper_init(&keeper, &managed.memory, &gate, false, &err), 0);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
}

static void teardown(void)
{
	keeper_destroy(&keeper);
	gate_destroy(&gate);
	managed_guest_teardown();
}

static void claim(uint64_t frames, bool hard)
{
	struct keeper_cursor cursor = {0};
	bool more = true;

	while (more && frames > 0) {
		const struct keeper_wish wish = {.frames = frames, .hard = hard};
		int result = keeper_claim(&keeper, &cursor, &wish, &more, &err);

		ck_assert_int_ge(result, 0);
		frames -= (uint64_t)result;
	}
}

static uint64_t hosts(void)
{
	return managed_count(0, MANAGED_SLOTS, REF_HOST);
}

static void ask(unsigned order, uint64_t frames)
{
	__atomic_store_n(&managed.page->ask_order, order, __ATOMIC_RELAXED);
	__atomic_store_n(&managed.page->ask_frames, frames, __ATOMIC_RELAXED);
	__atomic_fetch_add(&managed.page->asked, 1, __ATOMIC_SEQ_CST);
}

static void serve_all(void)
{
	while (keeper_serve(&keeper))
		;
	ck_assert_uint_eq(managed.page->answered, managed.page->asked);
}

static void assert_hint(unsigned number, uint64_t frame, unsigned order)
{
	uint64_t hint = managed.page->hints[number % KEEPER_HINTS];

	ck_assert_uint_eq(keeper_hint_frame(hint), frame);
	ck_assert_uint_eq(keeper_hint_order(hint), order);
}

START_TEST(hints_name_what_was_released_as_blocks)
{
	keeper_words_hint(&keeper.words, 1024, 1536);
	assert_hint(0, 1024, 9);
	keeper_words_hint(&keeper.words, 5, 12);
	assert_hint(1, 5, 0);
	assert_hint(2, 6, 1);
	assert_hint(3, 8, 2);
	ck_assert_uint_eq(managed.page->hint_head, 4);
	/* No block is larger than 512, and frame 0 is aligned to anything. */
	keeper_words_hint(&keeper.words, 0, 2048);
	assert_hint(4, 0, 9);
	assert_hint(7, 1536, 9);
	/* The ring goes round. */
	for (unsigned i = 8; i < KEEPER_HINTS + 3; i++)
		keeper_words_hint(&keeper.words, i, i + 1);
	assert_hint(KEEPER_HINTS + 2, KEEPER_HINTS + 2, 0);
	ck_assert_uint_eq(managed.page->hint_head, KEEPER_HINTS + 3);
}
END_TEST

static uint32_t released_then, head_then;

static void note_words(void)
{
	released_then = managed.page->released;
	head_then = managed.page->hint_head;
}

START_TEST(each_batch_of_releases_is_told)
{
	struct keeper_cursor cursor = {0};
	bool more;

	claim(1024, false);
	ck_assert_uint_eq(managed.page->released, 0);
	managed.log.on_slots = note_words;
	ck_assert_int_eq(keeper_release(&keeper, &cursor, 512, false, &more, &err), 512);
	ck_assert_uint_eq(managed.page->released, 1);
	assert_hint(0, 1024, 9);
	/* When the slots are marked, the words have been written. */
	ck_assert_uint_eq(released_then, 1);
	ck_assert_uint_eq(head_then, 1);
	ck_assert_uint_gt(managed.log.pages, 0);
	cursor = (struct keeper_cursor){0};
	ck_assert_int_eq(keeper_release(&keeper, &cursor, 512, false, &more, &err), 512);
	ck_assert_uint_eq(managed.page->released, 2);
	/* What the guest writes over our words changes nothing. */
	managed.page->released = 77;
	claim(512, false);
	cursor = (struct keeper_cursor){0};
	ck_assert_int_eq(keeper_release(&keeper, &cursor, 512, false, &more, &err), 512);
	ck_assert_uint_eq(managed.page->released, 3);
	cursor = (struct keeper_cursor){0};
	ck_assert_int_eq(keeper_release(&keeper, &cursor, 512, false, &more, &err), 0);
	ck_assert_uint_eq(managed.page->released, 3);
}
END_TEST

START_TEST(an_ask_gets_a_whole_block)
{
	claim(UINT64_MAX, false);
	ck_assert(!keeper_serve(&keeper));
	ask(0, 1);
	ck_assert(keeper_serve(&keeper));
	ck_assert(!keeper_serve(&keeper));
	ck_assert_uint_eq(managed.page->answered, 1);
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 512);
	ck_assert_uint_eq(managed_count(1024, 1536, REF_UNUSED), 512);
	/* One answer for all that have asked meanwhile. */
	ask(9, 512);
	ask(3, 8);
	serve_all();
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 1024);
	ck_assert_uint_eq(keeper.counts.asks, 2);
	ck_assert_uint_eq(keeper.counts.asked, 1024);
}
END_TEST

START_TEST(who_needs_more_than_a_block_gets_all)
{
	claim(UINT64_MAX, false);
	ask(10, 513);
	serve_all();
	ck_assert_uint_eq(hosts(), 0);
	/* Whatever a guest writes there is a need. */
	claim(UINT64_MAX, false);
	ask(UINT32_MAX, UINT64_MAX);
	serve_all();
	ck_assert_uint_eq(hosts(), 0);
}
END_TEST

START_TEST(without_a_whole_block_a_run_gets_all_and_a_frame_gets_some)
{
	for (uint64_t block = 0; block < MANAGED_SLOTS; block += 512)
		managed_set(block, block + 1, 1);
	claim(UINT64_MAX, false);
	uint64_t before = hosts();

	ask(0, 1);
	serve_all();
	ck_assert_uint_eq(hosts(), before - 512);
	ask(1, 2);
	serve_all();
	ck_assert_uint_eq(hosts(), 0);
}
END_TEST

START_TEST(hard_frames_stay_and_the_ask_is_answered)
{
	claim(1024, true);
	ask(0, 1);
	serve_all();
	ck_assert_uint_eq(hosts(), 1024);
	claim(512, false);
	ask(0, 1);
	serve_all();
	ck_assert_uint_eq(hosts(), 1024);
	ck_assert_uint_eq(keeper.ledger.hard, 1024);
}
END_TEST

/* The guest may put a whole block aside as one, and would not see that some of it came back. */
START_TEST(a_block_that_is_partly_hard_is_never_whole)
{
	const uint64_t range[] = {1024, 1536};

	managed_ranges(1, range);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
	claim(10, _i);
	claim(UINT64_MAX, !_i);
	ck_assert_uint_eq(hosts(), 511);
	ck_assert_uint_eq(keeper.ledger.hard, _i ? 10 : 501);
	claim(UINT64_MAX, _i);
	ck_assert_uint_eq(hosts(), 511);
	ask(12, 4096);
	serve_all();
	ck_assert_uint_eq(hosts(), keeper.ledger.hard);
	ck_assert_uint_eq(hosts(), _i ? 10 : 501);
}
END_TEST

START_TEST(a_keeper_is_there_while_it_holds_something)
{
	struct keeper_cursor cursor = {0};
	bool more;

	keeper_announce(&keeper);
	ck_assert_uint_eq(managed.page->keeper, 0);
	claim(512, false);
	keeper_announce(&keeper);
	ck_assert_uint_eq(managed.page->keeper, KEEPER_SERVES);
	ck_assert_int_eq(keeper_release(&keeper, &cursor, 512, false, &more, &err), 512);
	keeper_announce(&keeper);
	ck_assert_uint_eq(managed.page->keeper, KEEPER_NONE);
	/* What does not come back is no reason to wait. */
	claim(512, true);
	keeper_announce(&keeper);
	ck_assert_uint_eq(managed.page->keeper, KEEPER_GIVES_NOTHING);
	claim(1, false);
	keeper_announce(&keeper);
	ck_assert_uint_eq(managed.page->keeper, KEEPER_SERVES);
}
END_TEST

static void expect_that_it_serves(void)
{
	ck_assert_uint_eq(managed.page->keeper, KEEPER_SERVES);
	managed.log.on_slots = NULL;
}

/* Its page lies wherever that kernel wants. */
START_TEST(nothing_is_announced_to_another_life)
{
	struct keeper_cursor cursor = {0};
	const struct keeper_wish wish = {.frames = 10};
	bool more;

	managed.info->boot_id++;
	ck_assert_int_eq(keeper_claim(&keeper, &cursor, &wish, &more, &err), -ESTALE);
	ck_assert_uint_eq(managed.page->keeper, KEEPER_NONE);
	ck_assert_uint_eq(managed.log.calls, 0);
}
END_TEST

/* Otherwise an allocation could find nothing, and not know whom to ask. */
START_TEST(a_keeper_says_so_before_it_claims)
{
	managed.log.on_slots = expect_that_it_serves;
	claim(1, false);
	ck_assert_ptr_null(managed.log.on_slots);
}
END_TEST

START_TEST(a_guest_without_the_page_is_not_managed)
{
	managed.info->keeper_pa = 0;
	ck_assert_int_ge(guest_refresh(managed.guest, &err), 0);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), -ENOTSUP);
	managed.info->keeper_pa = (uint64_t)25 * PAGE_SIZE;
	managed.page->version++;
	ck_assert_int_ge(guest_refresh(managed.guest, &err), 0);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), -EPROTO);
}
END_TEST

/* With the manager's thread. */

static void begin(uint32_t action, uint64_t bytes)
{
	manager_begin((struct management_order){.action = action, .bytes = bytes});
}

static uint32_t word(const uint32_t *at)
{
	return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

static void await_answer(void)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	while (word(&managed.page->answered) != word(&managed.page->asked) &&
	       clock_now_ns() < end_ns)
		clock_sleep_ns(NS_PER_MS);
	ck_assert_uint_eq(word(&managed.page->answered), word(&managed.page->asked));
}

START_TEST(the_manager_serves_asks_while_it_holds_frames)
{
	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	manager_await();
	ck_assert_uint_eq(word(&managed.page->keeper), 1);
	ask(0, 1);
	await_answer();
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 512);
	/* The last answer comes with the last frame. */
	ask(12, 4096);
	await_answer();
	ck_assert_uint_eq(hosts(), 0);
	begin(MANAGEMENT_LOOK, 0);
	manager_await();
	ck_assert_uint_eq(word(&managed.page->keeper), 0);
}
END_TEST

/* A job that was cancelled while it waited has used up nobody's time. */
START_TEST(each_job_waits_anew_for_allocations)
{
	uint64_t begin_ns;

	__atomic_store_n(&managed.page->waiting, 1, __ATOMIC_SEQ_CST);
	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	clock_sleep_ns(20 * NS_PER_MS);
	manager_look();
	management.ops->cancel(management.own, status.ticket);
	manager_await();
	clock_sleep_ns(100 * NS_PER_MS);
	begin_ns = clock_now_ns();
	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	manager_await();
	ck_assert_uint_ne(hosts(), 0);
	ck_assert_uint_ge(clock_now_ns() - begin_ns, 100 * NS_PER_MS);
}
END_TEST

START_TEST(nothing_is_taken_while_an_allocation_waits_but_not_for_ever)
{
	uint64_t begin_ns = clock_now_ns();

	__atomic_store_n(&managed.page->waiting, 1, __ATOMIC_SEQ_CST);
	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	clock_sleep_ns(20 * NS_PER_MS);
	if (clock_now_ns() - begin_ns < 90 * NS_PER_MS)
		ck_assert_uint_eq(hosts(), 0);
	manager_await();
	ck_assert_uint_ge(clock_now_ns() - begin_ns, 100 * NS_PER_MS);
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES);
}
END_TEST

START_TEST(the_bell_wakes_the_manager)
{
	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	manager_await();
	/* So long that only the bell can have done it. */
	pthread_mutex_lock(&manager.lock);
	manager.poll_ns = 10 * PATIENCE_NS;
	pthread_mutex_unlock(&manager.lock);
	clock_sleep_ns(20 * NS_PER_MS);
	ask(0, 1);
	manager_ring(&manager);
	await_answer();
}
END_TEST

static void spend_all(void)
{
	managed.log.on_slots = NULL;
	ask_budget_spend(&manager.asks, clock_now_ns(), NS_PER_S);
}

/* Only the bell wakes it, which stays rung until then. */
START_TEST(an_ask_that_must_wait_for_the_budget_is_served_then)
{
	pthread_mutex_lock(&manager.lock);
	manager.poll_ns = 10 * PATIENCE_NS;
	pthread_mutex_unlock(&manager.lock);
	managed.log.on_slots = spend_all;
	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	manager_await();
	ask(0, 1);
	manager_ring(&manager);
	await_answer();
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 512);
}
END_TEST

/* A guest that asks anew with each answer, and a VM that is to end as soon as the first of these asks is served. */
static void ask_anew_and_stop(void)
{
	ask(0, 1);
	pthread_mutex_lock(&manager.lock);
	manager.stopping = true;
	pthread_mutex_unlock(&manager.lock);
}

START_TEST(a_manager_that_is_to_end_serves_no_further_asks)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	begin(MANAGEMENT_RECLAIM, MANAGEMENT_ALL);
	manager_await();
	managed.log.on_slots = ask_anew_and_stop;
	ask(0, 1);
	manager_ring(&manager);
	while (hosts() == MANAGED_FRAMES && clock_now_ns() < end_ns)
		clock_sleep_ns(NS_PER_MS);
	manager_stop(&manager);
	ck_assert_uint_eq(hosts(), MANAGED_FRAMES - 512);
}
END_TEST

Suite *keeper_words_suite(void)
{
	Suite *suite = suite_create("keeper_words");
	TCase *tcase = tcase_create("keeper_words");
	TCase *threads = tcase_create("manager");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, hints_name_what_was_released_as_blocks);
	tcase_add_test(tcase, each_batch_of_releases_is_told);
	tcase_add_test(tcase, an_ask_gets_a_whole_block);
	tcase_add_test(tcase, who_needs_more_than_a_block_gets_all);
	tcase_add_test(tcase, without_a_whole_block_a_run_gets_all_and_a_frame_gets_some);
	tcase_add_test(tcase, hard_frames_stay_and_the_ask_is_answered);
	tcase_add_loop_test(tcase, a_block_that_is_partly_hard_is_never_whole, 0, 2);
	tcase_add_test(tcase, a_keeper_is_there_while_it_holds_something);
	tcase_add_test(tcase, a_keeper_says_so_before_it_claims);
	tcase_add_test(tcase, nothing_is_announced_to_another_life);
	tcase_add_test(tcase, a_guest_without_the_page_is_not_managed);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(threads, 300);
	tcase_add_checked_fixture(threads, manager_setup, manager_teardown);
	tcase_add_test(threads, the_manager_serves_asks_while_it_holds_frames);
	tcase_add_test(threads, nothing_is_taken_while_an_allocation_waits_but_not_for_ever);
	tcase_add_test(threads, each_job_waits_anew_for_allocations);
	tcase_add_test(threads, the_bell_wakes_the_manager);
	tcase_add_test(threads, an_ask_that_must_wait_for_the_budget_is_served_then);
	tcase_add_test(threads, a_manager_that_is_to_end_serves_no_further_asks);
	suite_add_tcase(suite, threads);
	return suite;
}
