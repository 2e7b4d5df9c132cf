/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/manage/ask_budget.h, on a clock of their own: what guests can have the host spend on asks. */
#include "unit/suites.h"

#include "base/clock.h"
#include "manage/ask_budget.h"

#define US UINT64_C(1000)

/* A guest that always has an ask, each of which costs so much: the CPU time that it gets in a time. */
static uint64_t spent_in(uint64_t time_ns, uint64_t cpu_ns)
{
	struct ask_budget budget = {0};
	uint64_t now = 7 * NS_PER_S, spent = 0;
	const uint64_t end = now + time_ns;

	while (now < end) {
		uint64_t open = ask_budget_open_ns(&budget, now);

		/* An assertion for each would take most of the test's time. */
		if (open > now + ASK_WAIT_MAX_NS)
			ck_abort_msg("a wait of %llu ns", (unsigned long long)(open - now));
		now = open + cpu_ns;
		spent += cpu_ns;
		ask_budget_spend(&budget, now, cpu_ns);
	}
	return spent;
}

START_TEST(asks_in_a_loop_get_a_share_and_what_was_saved_up)
{
	static const uint64_t costs[] = {US / 2, 10 * US, 100 * US, NS_PER_MS, 9 * NS_PER_MS};
	const uint64_t cost = costs[_i], time = cost < 10 * US ? 2 * NS_PER_S : 20 * NS_PER_S;
	const uint64_t spent = spent_in(time, cost);

	/* It may spend more while it earns what it spends: a saving lasts a third longer. */
	ck_assert_uint_le(spent, time / ASK_SHARE + 2 * ASK_SAVED_NS / ASK_SHARE + 2 * cost);
	ck_assert_uint_ge(spent, time / ASK_SHARE - cost);
}
END_TEST

/* Fifteen other CPUs, each of which asks as often as it may, at one moment; and then each when it has used up its 2 MiB. */
START_TEST(an_honest_guest_does_not_wait)
{
	struct ask_budget budget = {0};
	uint64_t now = NS_PER_S;

	for (unsigned ask = 0; ask < 16 * 16; ask++) {
		ck_assert_uint_eq(ask_budget_open_ns(&budget, now), now);
		now += 50 * US;
		ask_budget_spend(&budget, now, 50 * US);
	}
	now += ASK_SAVED_NS;
	/* 512 first touches, 10 us each. */
	for (unsigned ask = 0; ask < 10000; ask++) {
		now += 512 * 10 * US / 16;
		ck_assert_uint_eq(ask_budget_open_ns(&budget, now), now);
		ask_budget_spend(&budget, now, 50 * US);
	}
}
END_TEST

START_TEST(after_the_longest_one_the_next_waits_for_so_long)
{
	struct ask_budget budget = {0};

	ask_budget_spend(&budget, NS_PER_S, 3 * NS_PER_S);
	ck_assert_uint_eq(ask_budget_open_ns(&budget, NS_PER_S), NS_PER_S + ASK_WAIT_MAX_NS);
	ck_assert_uint_eq(ask_budget_open_ns(&budget, 2 * NS_PER_S), 2 * NS_PER_S);
	/* Whatever the clocks say. */
	ask_budget_spend(&budget, 2 * NS_PER_S, UINT64_MAX);
	ck_assert_uint_eq(ask_budget_open_ns(&budget, 2 * NS_PER_S),
			  2 * NS_PER_S + ASK_WAIT_MAX_NS);
}
END_TEST

START_TEST(no_more_is_saved_up_than_that)
{
	struct ask_budget budget = {0};
	uint64_t now = 1000 * NS_PER_S, asks = 0;

	while (ask_budget_open_ns(&budget, now) == now) {
		ask_budget_spend(&budget, now, NS_PER_MS);
		asks++;
	}
	ck_assert_uint_eq(asks, ASK_SAVED_NS / ASK_SHARE / NS_PER_MS + 1);
}
END_TEST

Suite *ask_budget_suite(void)
{
	Suite *suite = suite_create("ask_budget");
	TCase *tcase = tcase_create("ask_budget");

	tcase_add_loop_test(tcase, asks_in_a_loop_get_a_share_and_what_was_saved_up, 0, 5);
	tcase_add_test(tcase, an_honest_guest_does_not_wait);
	tcase_add_test(tcase, after_the_longest_one_the_next_waits_for_so_long);
	tcase_add_test(tcase, no_more_is_saved_up_than_that);
	suite_add_tcase(suite, tcase);
	return suite;
}
