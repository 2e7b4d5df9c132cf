/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/deadline.h: waits in series share one deadline, and an answer puts it off. */
#include "unit/suites.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/deadline.h"

#define PATIENCE_NS (3600 * NS_PER_S) /* no test waits for it */

static void setup(void)
{
	deadline_set_patience(PATIENCE_NS);
	deadline_begin();
}

static void teardown(void)
{
	deadline_set_patience(PATIENCE_DEFAULT_NS);
	deadline_begin();
}

START_TEST(a_wait_has_the_whole_patience)
{
	uint64_t before = clock_now_ns();

	deadline_enter();
	ck_assert_uint_ge(deadline_ns(), before + PATIENCE_NS);
	ck_assert_uint_le(deadline_ns(), clock_now_ns() + PATIENCE_NS);
	ck_assert(!deadline_has_passed());
	deadline_leave(true);
}
END_TEST

START_TEST(waits_in_vain_share_one_deadline)
{
	deadline_enter();
	uint64_t end = deadline_ns();

	deadline_leave(false);
	deadline_enter();
	ck_assert_uint_eq(deadline_ns(), end);
	deadline_leave(false);
	/* A command that follows begins again. */
	deadline_begin();
	deadline_enter();
	ck_assert_uint_gt(deadline_ns(), end);
	deadline_leave(true);
}
END_TEST

START_TEST(a_wait_beside_others_has_what_is_left)
{
	deadline_enter();
	uint64_t end = deadline_ns();

	deadline_enter();
	ck_assert_uint_eq(deadline_ns(), end);
	/* An answer to one of them puts it off for both. */
	deadline_leave(true);
	ck_assert_uint_gt(deadline_ns(), end);
	end = deadline_ns();
	deadline_progress();
	ck_assert_uint_gt(deadline_ns(), end);
	deadline_leave(true);
}
END_TEST

START_TEST(polling_ends_at_the_deadline)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	deadline_set_patience(1);
	deadline_enter();
	ck_assert_int_eq(deadline_poll(ends[0], POLLIN), -ETIMEDOUT);
	/* What has arrived is read, even after the deadline. */
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(deadline_poll(ends[0], POLLIN), 0);
	deadline_leave(false);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

Suite *deadline_suite(void)
{
	Suite *suite = suite_create("deadline");
	TCase *tcase = tcase_create("deadline");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_wait_has_the_whole_patience);
	tcase_add_test(tcase, waits_in_vain_share_one_deadline);
	tcase_add_test(tcase, a_wait_beside_others_has_what_is_left);
	tcase_add_test(tcase, polling_ends_at_the_deadline);
	suite_add_tcase(suite, tcase);
	return suite;
}
