/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/printable.h: nothing but visible UTF-8, always an end, nothing past either buffer. */
#include "unit/suites.h"

#include <string.h>

#include "base/printable.h"

START_TEST(other_characters_become_question_marks)
{
	char text[16];

	printable_copy(text, sizeof(text), "a b~\x1b[2J\t\x7f");
	ck_assert_str_eq(text, "a b~?[2J??");
	printable_copy(text, sizeof(text), NULL);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(utf8_stays)
{
	char text[32];

	printable_copy(text, sizeof(text), "Ä ü ß ж 語 \U0001f600 e\u0301");
	ck_assert_str_eq(text, "Ä ü ß ж 語 \U0001f600 e\u0301");
}
END_TEST

/* Bytes that are no UTF-8, overlong forms, surrogates, controls of 8 bits, and what hides or turns text around. */
START_TEST(what_is_no_visible_character_becomes_question_marks)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"\xff\x80x", "??x"},
		{"\xc3", "?"},
		{"\xc3x", "?x"},
		{"\xc0\xaf", "??"},
		{"\xe0\x80\xaf", "???"},
		{"\xed\xa0\x80", "?"},
		{"\xf4\x90\x80\x80", "?"},
		{"\xf5\x80\x80\x80", "????"},
		{"a\xc2\x9b"
		 "2J",
		 "a?2J"},
		{"a\xe2\x80\xae"
		 "b",
		 "a?b"},
		{"a\xe2\x80\x8b"
		 "b",
		 "a?b"},
		{"a\xef\xbb\xbf"
		 "b",
		 "a?b"},
		/* Neither is drawn. */
		{"a\u034fb", "a?b"},
		{"a\u17b5b", "a?b"},
		{"a\U0001bca0b", "a?b"},
		{"a\U0001d17ab", "a?b"},
	};
	char text[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		printable_copy(text, sizeof(text), cases[i].from);
		ck_assert_str_eq(text, cases[i].to);
	}
}
END_TEST

START_TEST(no_character_is_cut_in_two)
{
	char text[16];

	for (size_t size = 1; size <= 9; size++) {
		printable_copy(text, size, "aä語\xf0\x9f\x98\x80");
		ck_assert_uint_lt(strlen(text), size);
		ck_assert_ptr_null(strchr(text, '?'));
	}
	printable_copy(text, 3, "aä");
	ck_assert_str_eq(text, "a");
	printable_copy(text, 4, "aä");
	ck_assert_str_eq(text, "aä");
}
END_TEST

START_TEST(width_is_in_columns)
{
	ck_assert_uint_eq(printable_width(""), 0);
	ck_assert_uint_eq(printable_width("abc"), 3);
	ck_assert_uint_eq(printable_width("äöü"), 3);
	ck_assert_uint_eq(printable_width("語x"), 3);
	ck_assert_uint_eq(printable_width("e\u0301"), 1);
	ck_assert_uint_eq(printable_width("\U0001f600"), 2);
	ck_assert_uint_eq(printable_width("\xff"), 1);
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
	tcase_add_test(tcase, utf8_stays);
	tcase_add_test(tcase, what_is_no_visible_character_becomes_question_marks);
	tcase_add_test(tcase, no_character_is_cut_in_two);
	tcase_add_test(tcase, width_is_in_columns);
	tcase_add_test(tcase, text_is_cut_to_fit);
	tcase_add_test(tcase, text_without_an_end_gets_one_in_place);
	suite_add_tcase(suite, tcase);
	return suite;
}
