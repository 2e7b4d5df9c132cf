/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of how frames are named and moments shown: vmm/view/frame_text.h, view/origin_text.h. */
#include "unit/suites.h"

#include <string.h>

#include "file/format.h"
#include "view/frame_text.h"
#include "view/origin_text.h"

static const struct {
	const char *text;
	bool is_virtual;
	uint64_t number;
} names[] = {
	{"0x402000", false, 0x402},
	{"0x402fff", false, 0x402},
	{"pfn:1026", false, 1026},
	{"pfn:0x402", false, 0x402},
	{"0xffff888000402008", true, UINT64_C(0xffff888000402008)},
	{"0xffff800000000000", true, UINT64_C(0xffff800000000000)},
	{"0xffff7fffffffffff", false, UINT64_C(0xffff7ffffffff)},
	{"va:0x402000", true, 0x402000},
	{"va:0xffffffff80100000", true, UINT64_C(0xffffffff80100000)},
	{"pfn:0xffff888000402", false, UINT64_C(0xffff888000402)},
};

START_TEST(a_frame_has_a_number_or_a_virtual_address)
{
	struct frame_name name;

	ck_assert_msg(frame_name_parse(names[_i].text, &name), "%s", names[_i].text);
	ck_assert_int_eq(name.is_virtual, names[_i].is_virtual);
	ck_assert_uint_eq(name.number, names[_i].number);
}
END_TEST

START_TEST(other_texts_are_no_frame)
{
	static const char *const others[] = {
		"",         "402000",    "va:",    "va:402000",           "va:pfn:3", "0x", "pfn:",
		"0x40200g", "va:va:0x1", "VA:0x1", "0x1ffffffffffffffff", "va:0x 1"};
	struct frame_name name;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(!frame_name_parse(others[i], &name), "%s", others[i]);
}
END_TEST

START_TEST(a_moment_is_shown_in_utc)
{
	char text[ORIGIN_TIME_TEXT], taken[ORIGIN_TAKEN_TEXT];
	struct capture_facts facts = {.time_s = 1796000000};

	ck_assert_str_eq(origin_time_text(text, 0), "1970-01-01T00:00:00Z");
	ck_assert_str_eq(origin_time_text(text, 1796000000), "2026-11-30T00:53:20Z");
	ck_assert_str_eq(origin_time_text(text, 253402300799), "9999-12-31T23:59:59Z");
	/* Captures are hostile. */
	ck_assert_str_eq(origin_time_text(text, 253402300800), "unknown");
	ck_assert_str_eq(origin_time_text(text, UINT64_MAX), "unknown");
	memset(facts.program, 'p', sizeof(facts.program));
	origin_taken_text(taken, &facts);
	ck_assert_uint_eq(strlen(taken), strlen("2026-11-30T00:53:20Z by ") + 63);
}
END_TEST

Suite *names_and_times_suite(void)
{
	Suite *suite = suite_create("names_and_times");
	TCase *tcase = tcase_create("names_and_times");

	tcase_add_loop_test(tcase, a_frame_has_a_number_or_a_virtual_address, 0,
			    (int)(sizeof(names) / sizeof(names[0])));
	tcase_add_test(tcase, other_texts_are_no_frame);
	tcase_add_test(tcase, a_moment_is_shown_in_utc);
	suite_add_tcase(suite, tcase);
	return suite;
}
