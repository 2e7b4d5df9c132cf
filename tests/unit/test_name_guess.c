/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/name_guess.h. */
#include "unit/suites.h"

#include <stdio.h>
#include <string.h>

#include "base/name_guess.h"

START_TEST(distances)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"", "", 0},          {"", "abc", 3},
		{"demo", "demo", 0},  {"demo", "Demo", 0},
		{"deom", "demo", 1},  {"dmo", "demo", 1},
		{"demoo", "demo", 1}, {"dxmo", "demo", 1},
		{"edmo", "demo", 1},  {"kitten", "sitting", 3},
		{"ab", "cd", 2},      {"abcd", "badc", 2},
		{"ca", "abc", 3},     {"\xff\x80", "ab", 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_uint_eq(name_distance(cases[i].a, cases[i].b), cases[i].distance);
		ck_assert_uint_eq(name_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}
END_TEST

static const char *guess_among(const char *word, const char *const *names)
{
	static struct name_guess guess;

	guess = name_guess_of(word);
	for (; *names; names++)
		name_guess_try(&guess, *names);
	return name_guess_text(&guess);
}

START_TEST(the_nearest_name_is_guessed)
{
	static const char *const names[] = {"",     "run",     "stress",     "ps",
					    "stat", "capture", "page_table", NULL};
	static const struct {
		const char *word, *text;
	} cases[] = {
		{"sp", "; did you mean 'ps'?"},
		{"stta", "; did you mean 'stat'?"},
		{"STAT", "; did you mean 'stat'?"},
		{"rum", "; did you mean 'run'?"},
		{"captrue", "; did you mean 'capture'?"},
		{"pagetabel", "; did you mean 'page_table'?"},
		/* The beginning of a name, but not of two letters: that could be many. */
		{"pag", "; did you mean 'page_table'?"},
		{"CAP", "; did you mean 'capture'?"},
		{"pa", "; did you mean 'ps'?"},
		{"ca", ""},
		/* As near as anything. */
		{"", ""},
		{"r", ""},
		{"xyz", ""},
		{"table", ""},
		{"destroy", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(guess_among(cases[i].word, names), cases[i].text);
}
END_TEST

/* Of names that are equally near, the first: the caller's order is that of precedence. */
START_TEST(a_nearer_name_wins_and_the_first_of_equals)
{
	ck_assert_str_eq(guess_among("web4", (const char *const[]){"web1", "web2", NULL}),
			 "; did you mean 'web1'?");
	ck_assert_str_eq(guess_among("serverr", (const char *const[]){"serve", "server", NULL}),
			 "; did you mean 'server'?");
}
END_TEST

/* Names come from anywhere: none is compared, or shown, at any length. */
START_TEST(long_and_unprintable_names_are_bounded)
{
	char longest[NAME_GUESS_SIZE], too_long[NAME_GUESS_SIZE + 1], text[NAME_GUESS_SIZE + 32];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	snprintf(text, sizeof(text), "; did you mean '%s'?", longest);
	ck_assert_str_eq(guess_among(longest + 1, (const char *const[]){longest, NULL}), text);
	ck_assert_str_eq(guess_among(longest, (const char *const[]){too_long, NULL}), "");
	ck_assert_str_eq(guess_among(too_long, (const char *const[]){longest, NULL}), "");
	ck_assert_str_eq(guess_among("a\x1b[", (const char *const[]){"a\x1b[2J", NULL}),
			 "; did you mean 'a?[2J'?");
}
END_TEST

START_TEST(a_guess_gives_the_name_itself)
{
	struct name_guess guess = name_guess_of("demoo");

	ck_assert_ptr_null(name_guess_name(&guess));
	name_guess_try(&guess, "other");
	ck_assert_ptr_null(name_guess_name(&guess));
	name_guess_try(&guess, "demo");
	ck_assert_str_eq(name_guess_name(&guess), "demo");
}
END_TEST

Suite *name_guess_suite(void)
{
	Suite *suite = suite_create("name_guess");
	TCase *tcase = tcase_create("name_guess");

	tcase_add_test(tcase, distances);
	tcase_add_test(tcase, the_nearest_name_is_guessed);
	tcase_add_test(tcase, a_nearer_name_wins_and_the_first_of_equals);
	tcase_add_test(tcase, long_and_unprintable_names_are_bounded);
	tcase_add_test(tcase, a_guess_gives_the_name_itself);
	suite_add_tcase(suite, tcase);
	return suite;
}
