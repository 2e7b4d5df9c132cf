/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A test runner with the part of Check's API that the unit tests of pagemeta/ use, for machines without Check. The
 * include path selects it.
 *
 * Each test runs in its own process, between the setup and the teardown functions of its case. It passes if it reaches
 * its end; a test that must end by a signal passes if it ends by that one. As in Check, assertions work in the thread
 * and the process of the test only.
 */
#ifndef TESTS_PORTABLE_CHECK_H
#define TESTS_PORTABLE_CHECK_H

#include <stdint.h>
#include <string.h>

typedef struct TTest {
	const char *name;
	void (*run)(int i);
} TTest;

typedef struct TCase TCase;
typedef struct Suite Suite;

/* _i is the number of a loop test's round. */
#define START_TEST(test)                                                                           \
	static void test##_run(int _i);                                                            \
	static const TTest test##_test = {.name = #test, .run = test##_run};                       \
	static const TTest *const test = &test##_test;                                             \
	static void test##_run(int _i __attribute__((unused)))
#define END_TEST

Suite *suite_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tcase);

TCase *tcase_create(const char *name);
void tcase_add_checked_fixture(TCase *tcase, void (*setup)(void), void (*teardown)(void));
void tcase_set_timeout(TCase *tcase, double seconds);
void tcase_add_test(TCase *tcase, const TTest *test);
void tcase_add_loop_test(TCase *tcase, const TTest *test, int start, int end);
void tcase_add_test_raise_signal(TCase *tcase, const TTest *test, int signal);
void tcase_add_loop_test_raise_signal(TCase *tcase, const TTest *test, int signal, int start,
				      int end);

/* What the tests of some suites came to. */
struct check_counts {
	unsigned passed;
	unsigned failed;
};

/*
 * Runs the tests of a suite but for those named `except` (NULL: none), prints a line for each that fails or is left out,
 * and frees the suite.
 */
void check_run(Suite *suite, const char *except, struct check_counts *counts);

/* Ends the test. */
_Noreturn void check_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define ck_abort_msg(...) check_fail(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert_msg(condition, ...)                                                              \
	((condition) ? (void)0 : check_fail(__FILE__, __LINE__, __VA_ARGS__))
#define ck_assert(condition) ck_assert_msg(condition, "'%s' does not hold", #condition)

/* Compares two values of one type, converted; both are shown when it fails. */
#define CHECK_COMPARE(type, format, left, operator, right)                                         \
	do {                                                                                       \
		const type left_ = (left);                                                         \
		const type right_ = (right);                                                       \
		ck_assert_msg(left_ operator right_,                                               \
			      "'%s %s %s' does not hold: " format " and " format, #left,           \
			      #operator, #right, left_, right_);                                   \
	} while (0)

#define CHECK_INT(left, operator, right)  CHECK_COMPARE(intmax_t, "%jd", left, operator, right)
#define CHECK_UINT(left, operator, right) CHECK_COMPARE(uintmax_t, "%#jx", left, operator, right)
#define CHECK_PTR(left, operator, right)  CHECK_COMPARE(void *, "%p", left, operator, right)

#define ck_assert_int_eq(left, right)  CHECK_INT(left, ==, right)
#define ck_assert_int_ne(left, right)  CHECK_INT(left, !=, right)
#define ck_assert_int_gt(left, right)  CHECK_INT(left, >, right)
#define ck_assert_int_ge(left, right)  CHECK_INT(left, >=, right)
#define ck_assert_int_lt(left, right)  CHECK_INT(left, <, right)
#define ck_assert_int_le(left, right)  CHECK_INT(left, <=, right)
#define ck_assert_uint_eq(left, right) CHECK_UINT(left, ==, right)
#define ck_assert_uint_ne(left, right) CHECK_UINT(left, !=, right)
#define ck_assert_uint_gt(left, right) CHECK_UINT(left, >, right)
#define ck_assert_uint_ge(left, right) CHECK_UINT(left, >=, right)
#define ck_assert_uint_lt(left, right) CHECK_UINT(left, <, right)
#define ck_assert_uint_le(left, right) CHECK_UINT(left, <=, right)
#define ck_assert_ptr_eq(left, right)  CHECK_PTR(left, ==, right)
#define ck_assert_ptr_ne(left, right)  CHECK_PTR(left, !=, right)
#define ck_assert_ptr_null(pointer)    CHECK_PTR(pointer, ==, NULL)
#define ck_assert_ptr_nonnull(pointer) CHECK_PTR(pointer, !=, NULL)

#define ck_assert_mem_eq(left, right, size)                                                        \
	ck_assert_msg(memcmp((left), (right), (size)) == 0, "the bytes of %s and %s differ",       \
		      #left, #right)
#define ck_assert_mem_ne(left, right, size)                                                        \
	ck_assert_msg(memcmp((left), (right), (size)) != 0,                                        \
		      "the bytes of %s and %s do not differ", #left, #right)
#define ck_assert_str_eq(left, right)                                                              \
	ck_assert_msg(strcmp((left), (right)) == 0, "'%s' is \"%s\", not \"%s\"", #left, (left),   \
		      (right))
#define ck_assert_str_ne(left, right)                                                              \
	ck_assert_msg(strcmp((left), (right)) != 0, "'%s' is \"%s\"", #left, (left))

#endif
