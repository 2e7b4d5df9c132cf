/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/bounded_call.h: who owns a call that is in time, late, or never made. */
#include "unit/suites.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/bounded_call.h"

#define LONG_MS  60000
#define SHORT_MS 1

struct test_call {
	struct bounded_call call;
	sem_t *may_end; /* NULL: at once */
	sem_t *is_gone;
	int result;
};

static void work(struct bounded_call *call)
{
	struct test_call *mine = (struct test_call *)call;

	if (mine->may_end)
		sem_wait(mine->may_end);
	mine->result = 42;
}

static void abandoned(struct bounded_call *call)
{
	struct test_call *mine = (struct test_call *)call;
	sem_t *is_gone = mine->is_gone;

	ck_assert_int_eq(mine->result, 42);
	free(mine);
	sem_post(is_gone);
}

static struct test_call *new_call(sem_t *may_end, sem_t *is_gone)
{
	struct test_call *call = calloc(1, sizeof(*call));

	call->call.work = work;
	call->call.abandoned = abandoned;
	call->may_end = may_end;
	call->is_gone = is_gone;
	return call;
}

START_TEST(calls_in_time_are_the_callers)
{
	for (int i = 0; i < 100; i++) {
		struct test_call *call = new_call(NULL, NULL);

		ck_assert_int_eq(bounded_call_run(&call->call, LONG_MS), 0);
		ck_assert_int_eq(call->result, 42);
		free(call);
	}
}
END_TEST

START_TEST(late_calls_are_abandoned_when_they_end)
{
	sem_t may_end, is_gone;

	sem_init(&may_end, 0, 0);
	sem_init(&is_gone, 0, 0);
	struct test_call *call = new_call(&may_end, &is_gone);

	ck_assert_int_eq(bounded_call_run(&call->call, SHORT_MS), -ETIMEDOUT);
	ck_assert_int_eq(sem_trywait(&is_gone), -1);
	sem_post(&may_end);
	sem_wait(&is_gone);
	sem_destroy(&may_end);
	sem_destroy(&is_gone);
}
END_TEST

/* The call may be in time or late here; either way exactly one side frees it. */
START_TEST(calls_at_the_deadline_have_one_owner)
{
	sem_t is_gone;
	int late = 0;

	sem_init(&is_gone, 0, 0);
	for (int i = 0; i < 300; i++) {
		struct test_call *call = new_call(NULL, &is_gone);
		int result = bounded_call_run(&call->call, (unsigned)i % 2);

		if (result == 0) {
			ck_assert_int_eq(call->result, 42);
			free(call);
		} else {
			ck_assert_int_eq(result, -ETIMEDOUT);
			late++;
		}
	}
	for (; late > 0; late--)
		sem_wait(&is_gone);
	sem_destroy(&is_gone);
}
END_TEST

Suite *bounded_call_suite(void)
{
	Suite *suite = suite_create("bounded_call");
	TCase *owners = tcase_create("owners");

	tcase_add_test(owners, calls_in_time_are_the_callers);
	tcase_add_test(owners, late_calls_are_abandoned_when_they_end);
	tcase_add_test(owners, calls_at_the_deadline_have_one_owner);
	suite_add_tcase(suite, owners);
	return suite;
}
