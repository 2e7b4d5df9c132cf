/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/manage/adopt.h: a guest that was saved while a keeper held frames of it. */
#include "unit/suites.h"

#include "manage/adopt.h"
#include "manage/keeper.h"
#include "unit/managed_guest.h"

#define RELEASED 41 /* as the last keeper left them */
#define HEAD     7
#define ASKED    3

static struct error err;

static void setup(void)
{
	managed_guest_setup();
	managed.page->released = RELEASED;
	managed.page->hint_head = HEAD;
	managed.page->asked = ASKED;
	managed.page->answered = ASKED - 1;
	managed.page->keeper = KEEPER_SERVES;
}

static uint64_t hosts(void)
{
	return managed_count(0, MANAGED_SLOTS, REF_HOST);
}

START_TEST(all_that_the_host_held_goes_back)
{
	managed_set(MANAGED_LOW_FIRST, MANAGED_LOW_FIRST + 5, REF_HOST);
	managed_set(1024, 2048, REF_HOST);
	managed_set(MANAGED_HIGH_FIRST, MANAGED_SLOTS, REF_HOST);
	const uint64_t held = hosts();
	const uint32_t generation = slot_state_generation(managed.slots[1500].state);

	ck_assert_uint_eq(adopt_guest(&managed.memory, managed.guest), held);
	ck_assert_uint_eq(hosts(), 0);
	ck_assert_uint_eq(managed.slots[1500].state, slot_state(generation, REF_UNUSED));
}
END_TEST

/* Outside of what the allocator manages HOST is the guest's own doing, and may mean anything. */
START_TEST(nothing_else_is_touched)
{
	managed_set(MANAGED_LOW_FIRST - 10, MANAGED_LOW_FIRST, REF_HOST);
	managed_set(MANAGED_LOW_FIRST, MANAGED_LOW_FIRST + 4, 1);
	ck_assert_uint_eq(adopt_guest(&managed.memory, managed.guest), 0);
	ck_assert_uint_eq(hosts(), 10);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_FIRST, MANAGED_LOW_FIRST + 4, 1), 4);
}
END_TEST

START_TEST(the_guest_looks_at_all_and_waits_for_nobody)
{
	ck_assert_uint_eq(adopt_guest(&managed.memory, managed.guest), 0);
	ck_assert_uint_ne(managed.page->released, RELEASED);
	ck_assert_uint_ge(managed.page->hint_head - HEAD, KEEPER_HINTS);
	ck_assert_uint_eq(managed.page->answered, ASKED);
	ck_assert_uint_eq(managed.page->keeper, KEEPER_NONE);
}
END_TEST

START_TEST(a_guest_without_claims_stays_as_it_is)
{
	managed_set(1024, 2048, REF_HOST);
	managed.info->boot_stage = STAGE_FINISHED;
	ck_assert_int_eq(guest_refresh(managed.guest, &err), 0);
	ck_assert_uint_eq(adopt_guest(&managed.memory, managed.guest), 0);
	ck_assert_uint_eq(hosts(), 1024);
	ck_assert_uint_eq(managed.page->released, RELEASED);
}
END_TEST

/* A word that began anew could be what the guest saw last. */
START_TEST(a_new_keeper_goes_on_where_the_last_one_was)
{
	const struct keeper_wish wish = {.frames = 8};
	struct keeper_cursor cursor = {0};
	struct keeper keeper;
	struct gate gate;
	bool more;

	adopt_guest(&managed.memory, managed.guest);
	const uint32_t head = managed.page->hint_head, released = managed.page->released;

	gate_init(&gate, &managed.control);
	ck_assert_int_eq(keeper_init(&keeper, &managed.memory, &gate, false, &err), 0);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
	ck_assert(!keeper_serve(&keeper));
	do
		ck_assert_int_ge(keeper_claim(&keeper, &cursor, &wish, &more, &err), 0);
	while (more && hosts() == 0);
	cursor = (struct keeper_cursor){0};
	do
		ck_assert_int_ge(keeper_release(&keeper, &cursor, 8, false, &more, &err), 0);
	while (more && hosts() > 0);
	ck_assert_uint_gt(managed.page->hint_head, head);
	ck_assert_uint_lt(managed.page->hint_head, head + KEEPER_HINTS);
	ck_assert_uint_eq(managed.page->released, released + 1);
	keeper_destroy(&keeper);
	gate_destroy(&gate);
}
END_TEST

Suite *adopt_suite(void)
{
	Suite *suite = suite_create("adopt");
	TCase *tests = tcase_create("adopt");

	tcase_add_checked_fixture(tests, setup, managed_guest_teardown);
	tcase_add_test(tests, all_that_the_host_held_goes_back);
	tcase_add_test(tests, nothing_else_is_touched);
	tcase_add_test(tests, the_guest_looks_at_all_and_waits_for_nobody);
	tcase_add_test(tests, a_guest_without_claims_stays_as_it_is);
	tcase_add_test(tests, a_new_keeper_goes_on_where_the_last_one_was);
	suite_add_tcase(suite, tests);
	return suite;
}
