/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/elf/option_list.h: which lists of options are taken, and what is left out of them. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "base/elf/option_list.h"

/* A list with one of everything. Each test spoils a copy. */
static const struct option_entry good[] = {
	{.kind = OPTION_KIND_WORD, .of = "order", .name = "turn"},
	{.kind = OPTION_KIND_WORKLOAD, .name = "mix", .flags = OPTION_STRESSES, .help = "turns"},
	{.kind = OPTION_KIND_SETTING,
	 .of = "mix",
	 .name = "order",
	 .value = OPTION_TAKES_WORD,
	 .word = "turn"},
	{.kind = OPTION_KIND_SETTING,
	 .name = "ring",
	 .value = OPTION_TAKES_NUMBER,
	 .min = 64,
	 .max = 1024,
	 .flags = OPTION_POWER_OF_TWO | OPTION_OR_ZERO},
	{.kind = OPTION_KIND_WORKLOAD, .name = "churn"},
};

enum { WORD, MIX, ORDER, RING, CHURN, COUNT };

static struct option_entry entries[COUNT];
static struct option_list list;
static struct error err;

static void setup(void)
{
	memcpy(entries, good, sizeof(entries));
}

static int parse(void)
{
	return option_list_parse(&list, entries, sizeof(entries), &err);
}

START_TEST(a_list_is_sorted_and_found)
{
	size_t at = 0;

	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(list.count, COUNT);
	ck_assert_str_eq(option_list_next(&list, OPTION_KIND_WORKLOAD, &at)->name, "churn");
	ck_assert_str_eq(option_list_next(&list, OPTION_KIND_WORKLOAD, &at)->name, "mix");
	ck_assert_ptr_null(option_list_next(&list, OPTION_KIND_WORKLOAD, &at));
	ck_assert_ptr_nonnull(option_list_find(&list, OPTION_KIND_SETTING, "mix", "order=turn", 5));
	ck_assert_ptr_null(option_list_find(&list, OPTION_KIND_SETTING, "mix", "order", 4));
	ck_assert_ptr_null(option_list_find(&list, OPTION_KIND_SETTING, "", "order", 5));
	ck_assert_ptr_null(option_list_find(&list, OPTION_KIND_SETTING, "mix", "orders", 6));
	ck_assert_ptr_null(option_list_find(&list, OPTION_KIND_WORKLOAD, "",
					    "mixmixmixmixmixmixmixmixmixmix", 30));
	option_list_free(&list);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
	entries[CHURN].kind = OPTION_KIND_COUNT;
	entries[RING].value = OPTION_VALUE_COUNT;
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(list.count, COUNT - 2);
	option_list_free(&list);
}
END_TEST

START_TEST(texts_are_printable)
{
	strcpy(entries[MIX].help, "a\033[31mred\n");
	memset(entries[RING].unit, 'u', sizeof(entries[RING].unit));
	ck_assert_int_eq(parse(), 0);
	ck_assert_str_eq(option_list_find(&list, OPTION_KIND_WORKLOAD, "", "mix", 3)->help,
			 "a?[31mred?");
	ck_assert_uint_eq(strlen(option_list_find(&list, OPTION_KIND_SETTING, "", "ring", 4)->unit),
			  sizeof(entries[RING].unit) - 1);
	option_list_free(&list);
}
END_TEST

/* Spoils an entry; the text says how. */
static const struct {
	unsigned entry;
	size_t offset; /* of a byte */
	char value;
} flaws[] = {
	{MIX, offsetof(struct option_entry, name), '\0'},
	{MIX, offsetof(struct option_entry, name), 'M'},
	{MIX, offsetof(struct option_entry, name) + 1, '='},
	{MIX, offsetof(struct option_entry, of), 'x'},   /* a workload of something */
	{ORDER, offsetof(struct option_entry, of), 'n'}, /* of no workload */
	{WORD, offsetof(struct option_entry, of), 'b'},  /* of no setting */
	{WORD, offsetof(struct option_entry, of), '\0'},
	{ORDER, offsetof(struct option_entry, value),
	 OPTION_TAKES_NUMBER}, /* that takes no words */
	{ORDER, offsetof(struct option_entry, word) + 1, ' '},
	{RING, offsetof(struct option_entry, min), 65}, /* no power of two */
	{RING, offsetof(struct option_entry, max), 1},
	{RING, offsetof(struct option_entry, min) + 7, 1}, /* more than max */
	{RING, offsetof(struct option_entry, fallback), 65},
	{RING, offsetof(struct option_entry, fallback), 32},
	{RING, offsetof(struct option_entry, fallback) + 1, 8},
	{RING, offsetof(struct option_entry, flags),
	 OPTION_POWER_OF_TWO}, /* 0 is no number for it any more */
};

START_TEST(an_entry_that_cannot_be_right_is_refused)
{
	((char *)&entries[flaws[_i].entry])[flaws[_i].offset] = flaws[_i].value;
	ck_assert_int_eq(parse(), -ENOEXEC);
	ck_assert_uint_eq(list.count, 0);
	ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(names_without_an_end_are_refused)
{
	memset(entries[MIX].name, 'm', sizeof(entries[MIX].name));
	ck_assert_int_eq(parse(), -ENOEXEC);
	setup();
	memset(entries[ORDER].of, 'm', sizeof(entries[ORDER].of));
	ck_assert_int_eq(parse(), -ENOEXEC);
}
END_TEST

START_TEST(two_of_a_name_are_refused)
{
	strcpy(entries[CHURN].name, "mix");
	ck_assert_int_eq(parse(), -ENOEXEC);
}
END_TEST

START_TEST(sizes_are_bounded)
{
	static struct option_entry many[OPTION_ENTRIES_MAX + 1];

	ck_assert_int_eq(option_list_parse(&list, entries, sizeof(entries) - 1, &err), -ENOEXEC);
	ck_assert_int_eq(option_list_parse(&list, many, sizeof(many), &err), -ENOEXEC);
	ck_assert_int_eq(option_list_parse(&list, many, sizeof(many) - sizeof(many[0]), &err), 0);
	ck_assert_uint_eq(list.count, 0);
	option_list_free(&list);
	ck_assert_int_eq(option_list_parse(&list, entries, 0, &err), 0);
	option_list_free(&list);
}
END_TEST

Suite *option_list_suite(void)
{
	Suite *suite = suite_create("option_list");
	TCase *tcase = tcase_create("option_list");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_list_is_sorted_and_found);
	tcase_add_test(tcase, what_is_not_known_is_left_out);
	tcase_add_test(tcase, texts_are_printable);
	tcase_add_loop_test(tcase, an_entry_that_cannot_be_right_is_refused, 0,
			    sizeof(flaws) / sizeof(flaws[0]));
	tcase_add_test(tcase, names_without_an_end_are_refused);
	tcase_add_test(tcase, two_of_a_name_are_refused);
	tcase_add_test(tcase, sizes_are_bounded);
	suite_add_tcase(suite, tcase);
	return suite;
}
