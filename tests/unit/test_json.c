/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/json.h: the values of answers, and that a reader who keeps numbers as doubles loses no digit. */
#include "unit/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static void assert_is(json *value, const char *text)
{
	ck_assert_str_eq(json_line(value), text);
	json_object_put(value);
}

START_TEST(numbers_saturate_where_doubles_would_round)
{
	assert_is(json_number(0), "0");
	assert_is(json_number(JSON_NUMBER_MAX - 1), "9007199254740990");
	assert_is(json_number(JSON_NUMBER_MAX), "9007199254740991");
	assert_is(json_number(JSON_NUMBER_MAX + 1), "9007199254740991");
	assert_is(json_number(UINT64_MAX), "9007199254740991");
	assert_is(json_signed_number(-1), "-1");
	assert_is(json_signed_number(INT64_MAX), "9007199254740991");
	assert_is(json_signed_number(INT64_MIN), "-9007199254740991");
}
END_TEST

START_TEST(hexadecimal_keeps_every_bit)
{
	uint64_t value;
	json *object = json_object_new_object();

	assert_is(json_hex(0), "\"0x0\"");
	assert_is(json_hex(UINT64_MAX), "\"0xffffffffffffffff\"");
	json_add_hex(object, "word", UINT64_MAX);
	json_add_number(object, "number", 7);
	json_add_text(object, "text", "0x");
	ck_assert(json_get_hex(object, "word", &value) && value == UINT64_MAX);
	ck_assert(!json_get_hex(object, "number", &value));
	ck_assert(!json_get_hex(object, "text", &value));
	ck_assert(!json_get_hex(object, "nothing", &value));
	json_object_put(object);
}
END_TEST

START_TEST(a_frame_has_its_address_and_its_number)
{
	json *object = json_object_new_object();

	json_add_frame(object, 0x1234567);
	assert_is(object, "{\"address\":\"0x1234567000\",\"pfn\":19088743}");
}
END_TEST

START_TEST(seconds_have_the_digits_that_a_double_keeps)
{
	static const uint64_t times[] = {1,
					 999999999,
					 NS_PER_S,
					 UINT64_C(123456789012345),
					 UINT64_C(999999999999999),
					 UINT64_C(1000000) * NS_PER_S + 1001};
	char again[64];

	assert_is(json_seconds(0), "0");
	assert_is(json_seconds(1), "0.000000001");
	assert_is(json_seconds(1500 * NS_PER_MS), "1.5");
	assert_is(json_seconds(20 * NS_PER_S), "20");
	assert_is(json_seconds(UINT64_C(1000000) * NS_PER_S + 1001), "1000000.000001");
	assert_is(json_seconds(UINT64_MAX), "18446744073.709551");
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		json *value = json_seconds(times[i]);

		/* Fifteen digits come back from a double. */
		snprintf(again, sizeof(again), "%.15g", strtod(json_line(value), NULL));
		ck_assert_msg(strtod(again, NULL) == strtod(json_line(value), NULL), "%s",
			      json_line(value));
		json_object_put(value);
	}
}
END_TEST

START_TEST(seconds_are_read_back)
{
	json *object = json_tokener_parse("{\"whole\":3,\"part\":0.25,\"long\":1e300,\"minus\":-1,"
					  "\"text\":\"1\"}");
	uint64_t ns = 0;

	ck_assert(json_get_seconds(object, "whole", &ns) && ns == 3 * NS_PER_S);
	ck_assert(json_get_seconds(object, "part", &ns) && ns == 250 * NS_PER_MS);
	ck_assert(!json_get_seconds(object, "long", &ns));
	ck_assert(!json_get_seconds(object, "minus", &ns));
	ck_assert(!json_get_seconds(object, "text", &ns));
	json_object_put(object);
}
END_TEST

START_TEST(decimals_are_finite)
{
	assert_is(json_decimal(1234.5678), "1234.568");
	assert_is(json_decimal(-2), "-2");
	assert_is(json_decimal(0.0 / 0.0), "0");
	assert_is(json_decimal(1e300), "9007199254740991");
	assert_is(json_decimal(-1e300), "-9007199254740991");
}
END_TEST

START_TEST(members_move_in_order)
{
	json *to = json_object_new_object(), *from = json_object_new_object();

	json_add_number(to, "a", 1);
	json_add_flag(from, "b", true);
	json_add_text(from, "c", "/\"");
	json_add_members(to, from);
	json_add_members(to, NULL);
	assert_is(to, "{\"a\":1,\"b\":true,\"c\":\"/\\\"\"}");
}
END_TEST

Suite *json_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("core");

	tcase_add_test(tcase, numbers_saturate_where_doubles_would_round);
	tcase_add_test(tcase, hexadecimal_keeps_every_bit);
	tcase_add_test(tcase, a_frame_has_its_address_and_its_number);
	tcase_add_test(tcase, seconds_have_the_digits_that_a_double_keeps);
	tcase_add_test(tcase, seconds_are_read_back);
	tcase_add_test(tcase, decimals_are_finite);
	tcase_add_test(tcase, members_move_in_order);
	suite_add_tcase(suite, tcase);
	return suite;
}
