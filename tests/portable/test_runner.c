/* SPDX-License-Identifier: MPL-2.0 */
/* Tests for the test of the runner (tests/portable.sh): each suite ends in one way. */
#include <check.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 3

static int touched; /* by the tests; each has its own */
static int steps;   /* of the fixtures */

START_TEST(touches_what_others_touch)
{
	ck_assert_int_eq(touched++, 0);
}
END_TEST

START_TEST(knows_its_round)
{
	ck_assert_int_ge(_i, 1);
	ck_assert_int_le(_i, ROUNDS);
}
END_TEST

START_TEST(aborts)
{
	abort();
}
END_TEST

START_TEST(crashes)
{
	raise(SIGSEGV);
}
END_TEST

START_TEST(fails)
{
	ck_assert(touched);
}
END_TEST

START_TEST(shows_both_values)
{
	ck_assert_uint_eq(touched + 16, 17);
}
END_TEST

START_TEST(fails_in_round_2)
{
	ck_assert_msg(_i != 2, "round %d", _i);
}
END_TEST

START_TEST(does_nothing)
{
}
END_TEST

START_TEST(exits)
{
	_exit(EXIT_SUCCESS);
}
END_TEST

START_TEST(hangs)
{
	for (;;)
		pause();
}
END_TEST

START_TEST(is_set_up)
{
	ck_assert_int_eq(steps, 2);
}
END_TEST

static void outer_setup(void)
{
	steps += steps == 0;
}

static void inner_setup(void)
{
	steps += steps == 1;
}

static void inner_teardown(void)
{
	steps++;
}

static void outer_teardown(void)
{
	ck_assert_int_eq(steps, 3);
	steps = 0;
}

static void failing_teardown(void)
{
	ck_abort_msg("nothing to tear down");
}

static Suite *suite_of(const char *name, TCase *tcase)
{
	Suite *suite = suite_create(name);

	suite_add_tcase(suite, tcase);
	return suite;
}

Suite *passing_suite(void)
{
	TCase *tcase = tcase_create("passing");

	tcase_add_test(tcase, touches_what_others_touch);
	tcase_add_test(tcase, touches_what_others_touch);
	tcase_add_loop_test(tcase, knows_its_round, 1, ROUNDS + 1);
	tcase_add_test_raise_signal(tcase, aborts, SIGABRT);
	tcase_add_loop_test_raise_signal(tcase, crashes, SIGSEGV, 1, ROUNDS + 1);
	return suite_of("passing", tcase);
}

Suite *fixture_suite(void)
{
	TCase *tcase = tcase_create("fixture");

	tcase_add_checked_fixture(tcase, outer_setup, outer_teardown);
	tcase_add_checked_fixture(tcase, inner_setup, inner_teardown);
	tcase_add_test(tcase, is_set_up);
	return suite_of("fixture", tcase);
}

Suite *assertion_suite(void)
{
	TCase *tcase = tcase_create("assertion");

	tcase_add_test(tcase, fails);
	tcase_add_test(tcase, shows_both_values);
	tcase_add_loop_test(tcase, fails_in_round_2, 1, ROUNDS + 1);
	tcase_add_test_raise_signal(tcase, fails, SIGABRT);
	return suite_of("assertion", tcase);
}

Suite *signal_suite(void)
{
	TCase *tcase = tcase_create("signal");

	tcase_add_test(tcase, crashes);
	tcase_add_test(tcase, aborts);
	tcase_add_test_raise_signal(tcase, crashes, SIGABRT);
	tcase_add_test_raise_signal(tcase, does_nothing, SIGABRT);
	return suite_of("signal", tcase);
}

Suite *ending_suite(void)
{
	TCase *tcase = tcase_create("ending");

	tcase_add_test(tcase, exits);
	return suite_of("ending", tcase);
}

Suite *teardown_suite(void)
{
	TCase *tcase = tcase_create("teardown");

	tcase_add_checked_fixture(tcase, NULL, failing_teardown);
	tcase_add_test(tcase, does_nothing);
	return suite_of("teardown", tcase);
}

Suite *hanging_suite(void)
{
	TCase *tcase = tcase_create("hanging");

	tcase_set_timeout(tcase, 0.01);
	tcase_add_test(tcase, hangs);
	return suite_of("hanging", tcase);
}
