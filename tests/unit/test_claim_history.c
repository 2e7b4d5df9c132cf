/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/manage/claim_history.h: what is found of a frame, and what the keeper notes of the frames of a crafted
 * guest.
 */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "manage/keeper.h"
#include "manage/ledger.h"
#include "unit/managed_guest.h"
#include "unit/managed_manager.h"

#define RAM (MANAGED_LOW_SIZE + MANAGED_HIGH_SIZE)

static struct claim_history history;
static struct management_record record;
static struct error err;

static void setup(void)
{
	ck_assert_int_eq(claim_history_init(&history), 0);
}

static void teardown(void)
{
	claim_history_destroy(&history);
}

static void note(uint64_t frame, uint64_t time_ns, uint32_t generation,
		 enum management_event_type type)
{
	claim_history_note(&history, frame,
			   &(struct management_event){.time_ns = time_ns,
						      .generation = generation,
						      .frames = 1,
						      .type = type,
						      .action = MANAGEMENT_RECLAIM});
}

static void find(uint64_t frame)
{
	claim_history_find(&history, frame, &record);
}

/* With other generations, each frame is an entry; more than are gathered are added by themselves. */
START_TEST(what_is_gathered_is_bounded)
{
	for (uint32_t frame = 0; frame < 2 * CLAIM_PENDING_MAX + 7; frame++)
		note(frame, 1, frame, MANAGEMENT_CLAIMED);
	ck_assert_uint_eq(history.total, 2 * CLAIM_PENDING_MAX);
	claim_history_flush(&history);
	ck_assert_uint_eq(history.total, 2 * CLAIM_PENDING_MAX + 7);
	for (uint64_t frame = 0; frame < 2 * CLAIM_PENDING_MAX + 7; frame++) {
		find(frame);
		ck_assert_uint_eq(record.count, 1);
		ck_assert_uint_eq(record.events[0].generation, frame);
	}
}
END_TEST

START_TEST(frames_side_by_side_are_one_entry)
{
	for (uint64_t frame = 10; frame < 20; frame++)
		note(frame, 1, 7, MANAGEMENT_CLAIMED);
	/* Releases come from the last to the first. */
	for (uint64_t frame = 20; frame-- > 15;)
		note(frame, 2, 7, MANAGEMENT_RELEASED);
	find(15);
	ck_assert_uint_eq(record.count, 0); /* they are not there yet */
	claim_history_flush(&history);
	claim_history_flush(&history);
	ck_assert_uint_eq(history.total, 2);
	find(15);
	ck_assert_uint_eq(record.count, 2);
	ck_assert_uint_eq(record.events[0].type, MANAGEMENT_CLAIMED);
	ck_assert_uint_eq(record.events[0].frames, 10);
	ck_assert_uint_eq(record.events[1].type, MANAGEMENT_RELEASED);
	ck_assert_uint_eq(record.events[1].frames, 5);
	find(14);
	ck_assert_uint_eq(record.count, 1);
	find(9);
	ck_assert_uint_eq(record.count, 0);
	find(20);
	ck_assert_uint_eq(record.count, 0);
	ck_assert_uint_eq(record.forgotten, 0);
}
END_TEST

/* Each differs from the first in one thing. */
START_TEST(what_differs_is_an_entry_of_its_own)
{
	const struct management_event first = {.time_ns = 1, .generation = 1, .frames = 1};
	struct management_event others[6];

	for (unsigned i = 0; i < 6; i++)
		others[i] = first;
	others[1].time_ns = 2;
	others[2].generation = 2;
	others[3].type = MANAGEMENT_RELEASED;
	others[4].action = MANAGEMENT_TARGET;
	others[5].flags = MANAGEMENT_HARD;
	for (unsigned i = 0; i < 6; i++) {
		uint64_t before = history.total;

		claim_history_note(&history, 100, &first);
		claim_history_note(&history, 101, &others[i]);
		claim_history_flush(&history);
		ck_assert_uint_eq(history.total - before, i == 0 ? 1 : 2);
	}
}
END_TEST

START_TEST(the_newest_of_a_frame_are_found_oldest_first)
{
	for (unsigned i = 0; i < 3 * MANAGEMENT_EVENTS_MAX; i++) {
		note(5, i, i, MANAGEMENT_CLAIMED);
		note(7, i, i, MANAGEMENT_CLAIMED);
	}
	claim_history_flush(&history);
	find(5);
	ck_assert_uint_eq(record.count, MANAGEMENT_EVENTS_MAX);
	for (unsigned i = 0; i < MANAGEMENT_EVENTS_MAX; i++)
		ck_assert_uint_eq(record.events[i].generation, 2 * MANAGEMENT_EVENTS_MAX + i);
}
END_TEST

START_TEST(old_entries_give_way_and_are_counted)
{
	note(3, 0, 0, MANAGEMENT_CLAIMED);
	for (uint64_t i = 1; i <= CLAIM_HISTORY_MAX - 1; i++)
		note(2 * i + 10, 0, 0, MANAGEMENT_CLAIMED);
	claim_history_flush(&history);
	find(3);
	ck_assert_uint_eq(record.count, 1);
	ck_assert_uint_eq(record.forgotten, 0);
	note(4, 9, 0, MANAGEMENT_RELEASED);
	claim_history_flush(&history);
	find(3);
	ck_assert_uint_eq(record.count, 0);
	ck_assert_uint_eq(record.forgotten, 1);
	find(4);
	ck_assert_uint_eq(record.count, 1);
	note(6, 9, 0, MANAGEMENT_RELEASED);
	claim_history_forget(&history);
	claim_history_flush(&history);
	find(4);
	ck_assert_uint_eq(record.count + record.forgotten, 0);
	find(6);
	ck_assert_uint_eq(record.count, 0);
}
END_TEST

START_TEST(the_ledger_says_what_it_has_of_a_frame)
{
	struct ledger ledger;

	ck_assert_int_eq(ledger_init(&ledger, 64, &err), 0);
	ck_assert_int_eq(ledger_record(&ledger, 64, &record), -EINVAL);
	ck_assert_int_eq(ledger_record(&ledger, 63, &record), 0);
	ck_assert_uint_eq(record.flags + record.count, 0);
	ck_assert_uint_gt(record.now_ns, 0);
	ledger_set(&ledger, 63, LEDGER_CLAIMED, true);
	ck_assert_int_eq(ledger_record(&ledger, 63, &record), 0);
	ck_assert_uint_eq(record.flags, MANAGEMENT_IS_HELD | MANAGEMENT_IS_HARD);
	ledger_set(&ledger, 63, LEDGER_PUNCHED, false);
	ck_assert_int_eq(ledger_record(&ledger, 63, &record), 0);
	ck_assert_uint_eq(record.flags, MANAGEMENT_IS_HELD | MANAGEMENT_IS_PUNCHED);
	ledger_set(&ledger, 63, LEDGER_POPULATED, false);
	ck_assert_int_eq(ledger_record(&ledger, 63, &record), 0);
	ck_assert_uint_eq(record.flags, MANAGEMENT_IS_HELD);
	ledger_forget(&ledger);
	ck_assert_int_eq(ledger_record(&ledger, 63, &record), 0);
	ck_assert_uint_eq(record.flags, 0);
	ledger_destroy(&ledger);
}
END_TEST

static void carry_out(struct management_order order)
{
	manager_begin(order);
	manager_await();
}

static void look(uint64_t frame)
{
	ck_assert_int_eq(management.ops->record(management.own, frame, &record), 0);
}

static void assert_event(unsigned number, enum management_event_type type,
			 enum management_action action, bool hard, uint32_t generation)
{
	const struct management_event *event = &record.events[number];

	ck_assert_uint_gt(record.count, number);
	ck_assert_uint_eq(event->type, type);
	ck_assert_uint_eq(event->action, action);
	ck_assert_uint_eq(event->flags, hard ? MANAGEMENT_HARD : 0);
	ck_assert_uint_eq(event->generation, generation);
	ck_assert_uint_le(event->time_ns, record.now_ns);
	ck_assert_uint_gt(event->time_ns, 0);
}

/* Slots begin with the generation of memory that was never written, so the first claim makes it 0. */
START_TEST(orders_leave_a_record)
{
	const struct management_order target = {.action = MANAGEMENT_TARGET, .bytes = RAM};

	carry_out((struct management_order){
		.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL, .flags = MANAGEMENT_HARD});
	look(1024);
	ck_assert_uint_eq(record.flags,
			  MANAGEMENT_IS_HELD | MANAGEMENT_IS_HARD | MANAGEMENT_IS_PUNCHED);
	ck_assert_uint_eq(record.count, 1);
	ck_assert_uint_ge(record.events[0].frames, 512);
	carry_out((struct management_order){.action = MANAGEMENT_RELEASE, .bytes = MANAGEMENT_ALL});
	look(1024);
	ck_assert_uint_eq(record.flags, 0);
	carry_out((struct management_order){.action = MANAGEMENT_TARGET, .bytes = MANAGEMENT_ALL});
	carry_out(target);
	look(1024);
	ck_assert_uint_eq(record.count, 4);
	assert_event(0, MANAGEMENT_CLAIMED, MANAGEMENT_RECLAIM, true, 0);
	assert_event(1, MANAGEMENT_RELEASED, MANAGEMENT_RELEASE, true, 0);
	assert_event(2, MANAGEMENT_CLAIMED, MANAGEMENT_TARGET, false, 1);
	assert_event(3, MANAGEMENT_RELEASED, MANAGEMENT_TARGET, false, 1);
	look(0);
	ck_assert_uint_eq(record.count, 0);
	ck_assert_int_eq(management.ops->record(management.own, MANAGED_SLOTS, &record), -EINVAL);
}
END_TEST

START_TEST(what_the_guest_asked_for_and_what_it_took_are_in_the_record)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL});
	managed_set(2000, 2001, 1);
	carry_out((struct management_order){.action = MANAGEMENT_LOOK});
	look(2000);
	ck_assert_uint_eq(record.flags, 0);
	ck_assert_uint_eq(record.count, 2);
	assert_event(1, MANAGEMENT_TAKEN_BACK, MANAGEMENT_RECLAIM, false, 0);
	__atomic_store_n(&managed.page->ask_frames, UINT64_C(1) << 20, __ATOMIC_RELAXED);
	__atomic_fetch_add(&managed.page->asked, 1, __ATOMIC_SEQ_CST);
	while (managed_count(0, MANAGED_SLOTS, REF_HOST) > 0 && clock_now_ns() < end_ns)
		clock_sleep_ns(NS_PER_MS);
	/* The ledger may be a moment behind the slots. */
	do {
		look(1024);
	} while (record.count < 2 && clock_now_ns() < end_ns);
	assert_event(1, MANAGEMENT_RELEASED, MANAGEMENT_NOTHING, false, 0);
	/* What an order does afterwards is its own. */
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL});
	look(1024);
	assert_event(2, MANAGEMENT_CLAIMED, MANAGEMENT_RECLAIM, false, 1);
}
END_TEST

START_TEST(another_life_has_no_record)
{
	carry_out((struct management_order){.action = MANAGEMENT_RECLAIM, .bytes = MANAGEMENT_ALL});
	managed.info->boot_id++;
	carry_out((struct management_order){.action = MANAGEMENT_LOOK});
	look(1024);
	ck_assert_uint_eq(record.count + record.flags, 0);
}
END_TEST

Suite *claim_history_suite(void)
{
	Suite *suite = suite_create("claim_history");
	TCase *tcase = tcase_create("claim_history"), *managers = tcase_create("managers");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, frames_side_by_side_are_one_entry);
	tcase_add_test(tcase, what_is_gathered_is_bounded);
	tcase_add_test(tcase, what_differs_is_an_entry_of_its_own);
	tcase_add_test(tcase, the_newest_of_a_frame_are_found_oldest_first);
	tcase_add_test(tcase, old_entries_give_way_and_are_counted);
	tcase_add_test(tcase, the_ledger_says_what_it_has_of_a_frame);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(managers, 300);
	tcase_add_checked_fixture(managers, manager_setup, manager_teardown);
	tcase_add_test(managers, orders_leave_a_record);
	tcase_add_test(managers, what_the_guest_asked_for_and_what_it_took_are_in_the_record);
	tcase_add_test(managers, another_life_has_no_record);
	suite_add_tcase(suite, managers);
	return suite;
}
