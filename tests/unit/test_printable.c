/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/printable.h: nothing but printable ASCII, always an end, nothing past either buffer. */
#include "unit/suites.h"

#include <string.h>

#include "base/printable.h"

START_TEST(other_characters_become_question_marks)
{
	char text[16];

	printable_copy(text, sizeof(text), "a b~\x1b[2J\t\x7f\xc3\xa9");
	ck_assert_str_eq(text, "a b~?[2J????");
	printable_copy(text, sizeof(text), NULL);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(text_is_cut_to_fit)
{
	char text[4] = "zzz", one[1] = "";

	printable_copy(text, sizeof(text), "abc");
	ck_assert_str_eq(text, "abc");
	printable_copy(text, sizeof(text), "abcd");
	ck_assert_str_eq(text, "abc");
	printable_copy(one, sizeof(one), "abcd");
	ck_assert_str_eq(one, "");
}
END_TEST

/* A field of a file that its writer filled to the last byte. */
START_TEST(text_without_an_end_gets_one_in_place)
{
	char field[5] = {'a', '\n', 'c', 'd', 'e'};

	printable_copy(field, 4, field);
	ck_assert_mem_eq(field, "a?c\0e", 5);
}
END_TEST

Suite *printable_suite(void)
{
	Suite *suite = suite_create("printable");
	TCase *tcase = tcase_create("printable");

	tcase_add_test(tcase, other_characters_become_question_marks);
	tcase_add_test(tcase, text_is_cut_to_fit);
	tcase_add_test(tcase, text_without_an_end_gets_one_in_place);
	suite_add_tcase(suite, tcase);
	return suite;
}
