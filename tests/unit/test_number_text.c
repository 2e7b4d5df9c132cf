/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/number_text.h: which texts the command line accepts as a number, a size and a time. */
#include "unit/suites.h"

#include "base/clock.h"
#include "base/number_text.h"

START_TEST(hexadecimal_numbers_are_parsed)
{
	static const char *const wrong[] = {"",
					    "0",
					    "0x",
					    "1f",
					    "0X1f",
					    "0x1g",
					    "0x 1",
					    " 0x1",
					    "0x1 ",
					    "0x-1",
					    "0x+1",
					    "-0x1",
					    "0x00000000000000001"};
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!hex_parse(wrong[i], &value) && value == 7, "%s", wrong[i]);
	ck_assert(hex_parse("0x0", &value) && value == 0);
	ck_assert(hex_parse("0x1fA", &value) && value == 0x1fa);
	ck_assert(hex_parse("0xffffffffffffffff", &value) && value == UINT64_MAX);
}
END_TEST

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

struct quantity {
	const char *text;
	uint64_t value;
};

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* With those that pagevisor prints: "512 MiB", "64K". */
static const struct quantity sizes[] = {
	{"16", 16 * MIB},
	{"16K", 16 * KIB},
	{"16M", 16 * MIB},
	{"16G", 16 * GIB},
	{"64Gi", 64 * GIB},
	{"1GiB", GIB},
	{"512 MiB", 512 * MIB},
	{"64 KiB", 64 * KIB},
	{"1T", 1024 * GIB},
	{"1.5GiB", 1536 * MIB},
	{"0.25 G", 256 * MIB},
	{"1.5", 1536 * KIB},
	{"4096B", 4096},
	{"7 B", 7},
	{"0.0000001G", 107},
	{"0", 0},
	{"17179869183G", UINT64_MAX - GIB + 1},
};

START_TEST(sizes_have_binary_units)
{
	uint64_t bytes;

	ck_assert_msg(size_parse(sizes[_i].text, 0, UINT64_MAX, &bytes), "%s", sizes[_i].text);
	ck_assert_uint_eq(bytes, sizes[_i].value);
}
END_TEST

START_TEST(other_sizes_are_refused)
{
	static const char *const texts[] = {"",
					    "M",
					    "1MB",
					    "1P",
					    "1  M",
					    "-1M",
					    "1m",
					    "4G",
					    "1 ",
					    " 1M",
					    "1Mi ",
					    "1MiBs",
					    "1iB",
					    "1Bi",
					    "1.M",
					    ".5M",
					    "1.5.5M",
					    "1,5M",
					    "0x10M",
					    "1e3M",
					    "1.0000000001M",
					    "18446744073709551615G",
					    "17179869184G",
					    "17179869183.9999999999G",
					    "16777216T"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!size_parse(texts[i], 1, UINT64_C(2) << 30, &bytes), "%s", texts[i]);
}
END_TEST

static const struct quantity times[] = {
	{"0", 0},
	{"2", 2 * NS_PER_S},
	{"0.25", 250 * NS_PER_MS},
	{"1.000000001", NS_PER_S + 1},
	{"1s", NS_PER_S},
	{"500ms", 500 * NS_PER_MS},
	{"1.5s", 1500 * NS_PER_MS},
	{"55.3 s", 55300 * NS_PER_MS},
	{"2.03 ms", 2030000},
	{"2.4 us", 2400},
	{"7ns", 7},
	{"1.5 ns", 2},
	{"3min", 180 * NS_PER_S},
	{"1h", 3600 * NS_PER_S},
	{"0.5 h", 1800 * NS_PER_S},
	{"366d", 366 * 24 * 3600 * NS_PER_S},
};

START_TEST(times_have_units)
{
	uint64_t ns;

	ck_assert_msg(time_parse(times[_i].text, &ns), "%s", times[_i].text);
	ck_assert_uint_eq(ns, times[_i].value);
}
END_TEST

START_TEST(other_times_are_refused)
{
	static const char *const texts[] = {"",
					    ".5",
					    "1.",
					    "-1",
					    "1 ",
					    " 1",
					    "s",
					    "1m",
					    "1sec",
					    "1S",
					    "inf",
					    "1e3",
					    "1.s",
					    "1:30",
					    "1h30min",
					    "1  s",
					    "1.0000000001",
					    "99999999999",
					    "367d",
					    "366.1d",
					    "1.5.5s",
					    "99999999999999999999ns"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!time_parse(texts[i], &ns), "%s", texts[i]);
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

START_TEST(one_has_no_plural)
{
	ck_assert_str_eq(plural(0), "s");
	ck_assert_str_eq(plural(1), "");
	ck_assert_str_eq(plural(2), "s");
}
END_TEST

Suite *number_text_suite(void)
{
	Suite *suite = suite_create("number_text");
	TCase *tcase = tcase_create("number_text");

	tcase_add_test(tcase, numbers_in_range_are_taken);
	tcase_add_test(tcase, hexadecimal_numbers_are_parsed);
	tcase_add_test(tcase, other_numbers_are_refused);
	tcase_add_loop_test(tcase, sizes_have_binary_units, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tcase, other_sizes_are_refused);
	tcase_add_loop_test(tcase, times_have_units, 0, sizeof(times) / sizeof(times[0]));
	tcase_add_test(tcase, other_times_are_refused);
	tcase_add_test(tcase, rates_are_short);
	tcase_add_test(tcase, one_has_no_plural);
	suite_add_tcase(suite, tcase);
	return suite;
}
