/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of how often a libvirt daemon is tried again (source/libvirt/connection.h). */
#include "unit/suites.h"

#include <errno.h>

#include "source/libvirt/connection.h"

#define FIRST_MS  500
#define SELDOM_MS 60000

START_TEST(a_daemon_that_is_away_is_tried_twice_a_second)
{
	ck_assert_int_eq(libvirt_retry_ms(-ECONNREFUSED, 0), FIRST_MS);
	ck_assert_int_eq(libvirt_retry_ms(-ECONNREFUSED, FIRST_MS), FIRST_MS);
	/* Also one that was silent before. */
	ck_assert_int_eq(libvirt_retry_ms(-ECONNREFUSED, SELDOM_MS), FIRST_MS);
}
END_TEST

START_TEST(a_silent_daemon_is_tried_ever_less_often)
{
	int wait_ms = libvirt_retry_ms(-ETIMEDOUT, 0), before;

	ck_assert_int_eq(wait_ms, FIRST_MS);
	for (unsigned tries = 0; wait_ms < SELDOM_MS; tries++) {
		ck_assert_uint_lt(tries, 10);
		before = wait_ms;
		wait_ms = libvirt_retry_ms(-ETIMEDOUT, before);
		ck_assert_int_ge(wait_ms, 2 * before < SELDOM_MS ? 2 * before : SELDOM_MS);
	}
	ck_assert_int_eq(wait_ms, SELDOM_MS);
	ck_assert_int_eq(libvirt_retry_ms(-ETIMEDOUT, wait_ms), SELDOM_MS);
}
END_TEST

Suite *libvirt_retry_suite(void)
{
	Suite *suite = suite_create("libvirt_retry");
	TCase *tests = tcase_create("retry");

	tcase_add_test(tests, a_daemon_that_is_away_is_tried_twice_a_second);
	tcase_add_test(tests, a_silent_daemon_is_tried_ever_less_often);
	suite_add_tcase(suite, tests);
	return suite;
}
