/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/number_text.h: which texts the command line accepts as a number, a size and a time. */
#include "unit/suites.h"

#include "base/clock.h"
#include "base/number_text.h"

START_TEST(numbers_in_range_are_taken)
{
	uint64_t value;

	ck_assert(number_parse("0", 0, 5, &value) && value == 0);
	ck_assert(number_parse("5", 0, 5, &value) && value == 5);
	ck_assert(number_parse("18446744073709551615", 0, UINT64_MAX, &value) &&
		  value == UINT64_MAX);
}
END_TEST

START_TEST(other_numbers_are_refused)
{
	static const char *const texts[] = {"",   "6",   "-1",  "+1",  "1x",
					    " 1", "0x1", "1.0", "1e3", "18446744073709551616"};
	uint64_t value;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!number_parse(texts[i], 0, 5, &value), "%s", texts[i]);
}
END_TEST

START_TEST(sizes_have_binary_suffixes)
{
	uint64_t bytes;

	ck_assert(size_parse("16", 0, UINT64_MAX, &bytes) && bytes == 16 << 20);
	ck_assert(size_parse("16K", 0, UINT64_MAX, &bytes) && bytes == 16 << 10);
	ck_assert(size_parse("16M", 0, UINT64_MAX, &bytes) && bytes == 16 << 20);
	ck_assert(size_parse("16G", 0, UINT64_MAX, &bytes) && bytes == UINT64_C(16) << 30);
}
END_TEST

START_TEST(other_sizes_are_refused)
{
	static const char *const texts[] = {
		"", "M", "1MB", "1T", "1 M", "-1M", "1m", "4G", "18446744073709551615G"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!size_parse(texts[i], 1, UINT64_C(2) << 30, &bytes), "%s", texts[i]);
}
END_TEST

START_TEST(times_have_decimals)
{
	uint64_t ns;

	ck_assert(seconds_parse("0", &ns) && ns == 0);
	ck_assert(seconds_parse("2", &ns) && ns == 2 * NS_PER_S);
	ck_assert(seconds_parse("0.25", &ns) && ns == 250 * NS_PER_MS);
	ck_assert(seconds_parse("1.000000001", &ns) && ns == NS_PER_S + 1);
}
END_TEST

START_TEST(other_times_are_refused)
{
	static const char *const texts[] = {"",    ".5",  "1.",           "-1",         "1s",
					    "inf", "1e3", "1.0000000001", "99999999999"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!seconds_parse(texts[i], &ns), "%s", texts[i]);
}
END_TEST

START_TEST(rates_are_short)
{
	char text[NUMBER_TEXT_SIZE];

	ck_assert_str_eq(number_text(text, 0), "0");
	ck_assert_str_eq(number_text(text, 999), "999");
	ck_assert_str_eq(number_text(text, 1234), "1.23 k");
	ck_assert_str_eq(number_text(text, 12345678), "12.3 M");
	ck_assert_str_eq(number_text(text, 123456789012), "123 G");
}
END_TEST

Suite *number_text_suite(void)
{
	Suite *suite = suite_create("number_text");
	TCase *tcase = tcase_create("number_text");

	tcase_add_test(tcase, numbers_in_range_are_taken);
	tcase_add_test(tcase, other_numbers_are_refused);
	tcase_add_test(tcase, sizes_have_binary_suffixes);
	tcase_add_test(tcase, other_sizes_are_refused);
	tcase_add_test(tcase, times_have_decimals);
	tcase_add_test(tcase, other_times_are_refused);
	tcase_add_test(tcase, rates_are_short);
	suite_add_tcase(suite, tcase);
	return suite;
}
