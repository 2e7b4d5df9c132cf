/* SPDX-License-Identifier: MPL-2.0 */
/* What a stress run reads of its processes, and when what they hold is a leak. */
#include <string.h>
#include <unistd.h>

#include "cli/stress/catalog.h"
#include "cli/stress/discovery.h"
#include "cli/stress/resources.h"
#include "cli/stress/vm_report.h"
#include "unit/suites.h"

START_TEST(console_lines_are_told_apart)
{
	struct discovery found;

	ck_assert(discovery_from_console(
		"check failed on cpu 1, frame 0x41f000: the frame's bytes are another's", &found));
	ck_assert_int_eq(found.finder, FINDER_CHECK);
	ck_assert(found.has_frame);
	ck_assert_uint_eq(found.frame, 0x41f000);
	ck_assert_str_eq(found.rule, "the frame's bytes are another's");

	ck_assert(discovery_from_console("check failed on cpu 0: the books differ", &found));
	ck_assert_int_eq(found.finder, FINDER_CHECK);
	ck_assert(!found.has_frame);
	ck_assert_str_eq(found.rule, "the books differ");

	ck_assert(discovery_from_console(
		"panic on cpu 0: frame 0x5000, references 0xffffffff, generation 6: put of it",
		&found));
	ck_assert_int_eq(found.finder, FINDER_ABORT);
	ck_assert_uint_eq(found.frame, 0x5000);
	ck_assert_str_eq(found.rule, "put of it");

	ck_assert(discovery_from_console("panic on cpu 0: asked to panic", &found));
	ck_assert(!found.has_frame);

	ck_assert(discovery_from_console("exception 14 (page fault), error code 0x2 on cpu 1",
					 &found));
	ck_assert_int_eq(found.finder, FINDER_TRAP);
	ck_assert_str_eq(found.rule, "exception 14 (page fault)");
}
END_TEST

START_TEST(other_lines_report_nothing)
{
	static const char *const lines[] = {
		"",
		"ready: ring 0",
		"a check failed on cpu 1",
		"Panic on cpu 0",
		"planted leak: frame",
	};
	struct discovery found = {.finder = FINDER_BOOKS};
	struct planted planted = {.steps = 7};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert(!discovery_from_console(lines[i], &found));
		ck_assert(!planted_from_console(lines[i], &planted));
	}
	ck_assert_int_eq(found.finder, FINDER_BOOKS);
	ck_assert_uint_eq(planted.steps, 7);
}
END_TEST

START_TEST(long_lines_are_cut)
{
	char line[2000] = "panic on cpu 0: ";
	struct discovery found;

	memset(line + strlen(line), 'x', sizeof(line) - strlen(line) - 1);
	line[sizeof(line) - 1] = '\0';
	ck_assert(discovery_from_console(line, &found));
	ck_assert_uint_eq(strlen(found.rule), sizeof(found.rule) - 1);
	ck_assert_uint_eq(strlen(found.text), sizeof(found.text) - 1);
}
END_TEST

START_TEST(planted_faults_are_read)
{
	struct planted planted;

	ck_assert(planted_from_console(
		"planted use_after_free: frame 0x420000, cpu 1, after 8419 steps", &planted));
	ck_assert(planted.is_planted);
	ck_assert_uint_eq(planted.frame, 0x420000);
	ck_assert_uint_eq(planted.steps, 8419);
}
END_TEST

START_TEST(findings_are_read)
{
	struct discovery found;

	ck_assert(discovery_from_finding("frame 0x7000: wild_vtable: expected one of 3, found 0x1",
					 FINDER_LEVEL_2, &found));
	ck_assert_str_eq(found.rule, "wild_vtable");
	ck_assert_uint_eq(found.frame, 0x7000);
	ck_assert(discovery_from_finding("whole guest: type_count: expected 3 anon, found 2",
					 FINDER_BOOKS, &found));
	ck_assert(!found.has_frame);
	ck_assert_str_eq(found.rule, "type_count");
	ck_assert(!discovery_from_finding("nothing of that", FINDER_BOOKS, &found));
}
END_TEST

START_TEST(reports_are_read)
{
	static const char text[] =
		"{\"work\":{\"steps\":1234},\"findings\":["
		"{\"rule\":\"leaked_frame\",\"frame\":4096,\"expected\":\"a\",\"found\":\"b\"},"
		"{\"rule\":\"type_count\",\"expected\":\"c\",\"found\":\"d\"}]}";
	struct discovery found[2];

	ck_assert_uint_eq(vm_report_steps(text), 1234);
	ck_assert_uint_eq(vm_report_findings(text, FINDER_LEVEL_3, found, 2), 2);
	ck_assert_str_eq(found[0].text, "frame 0x1000: leaked_frame: expected a, found b");
	ck_assert(found[0].has_frame);
	ck_assert(!found[1].has_frame);
	ck_assert_uint_eq(vm_report_findings(text, FINDER_LEVEL_3, found, 1), 1);
}
END_TEST

START_TEST(what_is_no_report_has_no_findings)
{
	static const char *const texts[] = {
		"", "{", "[]", "null", "{\"findings\":3}", "{\"work\":[]}"};
	struct discovery found[2];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_uint_eq(vm_report_findings(texts[i], FINDER_BOOKS, found, 2), 0);
		ck_assert_uint_eq(vm_report_steps(texts[i]), 0);
	}
}
END_TEST

static struct resource_trend trend_of(unsigned count, unsigned kib_each, unsigned every_fd)
{
	struct resource_trend trend = {0};

	for (unsigned i = 0; i < count; i++)
		resource_trend_add(&trend, (struct resource_sample){
						   3000 + i * kib_each + i % 7 * 40,
						   20 + (every_fd ? i / every_fd : 0) + i % 2});
	return trend;
}

START_TEST(growth_is_a_leak_and_noise_is_not)
{
	struct resource_trend flat = trend_of(1000, 0, 0);
	struct resource_trend memory = trend_of(1000, 4, 0);
	struct resource_trend fds = trend_of(1000, 0, 50);
	struct resource_trend few = trend_of(11, 1000, 1);
	char text[128];

	ck_assert(!resource_trend_leaks(&flat, text, sizeof(text)));
	ck_assert(resource_trend_leaks(&memory, text, sizeof(text)));
	ck_assert_ptr_nonnull(strstr(text, "memory grows"));
	ck_assert(resource_trend_leaks(&fds, text, sizeof(text)));
	ck_assert_ptr_nonnull(strstr(text, "descriptors grow"));
	ck_assert(!resource_trend_leaks(&few, text, sizeof(text)));
}
END_TEST

/* What is there from the start, and what comes once, is no leak. */
START_TEST(a_step_is_no_leak)
{
	struct resource_trend trend = {0};
	char text[128];

	for (unsigned i = 0; i < 300; i++)
		resource_trend_add(&trend, (struct resource_sample){i < 80 ? 3000 : 90000, 20});
	ck_assert(!resource_trend_leaks(&trend, text, sizeof(text)));
}
END_TEST

START_TEST(samples_stay_evenly_spread)
{
	struct resource_trend trend = {0};

	for (unsigned i = 1; i <= 100000; i++)
		resource_trend_add(&trend, (struct resource_sample){i, 0});
	ck_assert_uint_le(trend.count, RESOURCE_SAMPLES_MAX);
	ck_assert_uint_ge(trend.count, RESOURCE_SAMPLES_MAX / 2);
	for (unsigned i = 2; i < trend.count; i++)
		ck_assert_uint_eq(trend.samples[i].anon_kib - trend.samples[i - 1].anon_kib,
				  trend.distance);
}
END_TEST

START_TEST(a_process_is_measured)
{
	struct resource_sample sample = {0};

	ck_assert(resource_sample_take(getpid(), &sample));
	ck_assert_uint_gt(sample.anon_kib, 0);
	ck_assert_uint_ge(sample.fds, 3);
	ck_assert(!resource_sample_take(0, &sample));
}
END_TEST

START_TEST(names_are_found)
{
	ck_assert_ptr_nonnull(catalog_find(catalog_scenarios, "mix"));
	ck_assert_ptr_nonnull(catalog_find(catalog_plants, "busy"));
	ck_assert_ptr_null(catalog_find(catalog_plants, "mix"));
}
END_TEST

Suite *stress_suite(void)
{
	Suite *suite = suite_create("stress");
	TCase *tests = tcase_create("stress");

	tcase_add_test(tests, console_lines_are_told_apart);
	tcase_add_test(tests, other_lines_report_nothing);
	tcase_add_test(tests, long_lines_are_cut);
	tcase_add_test(tests, planted_faults_are_read);
	tcase_add_test(tests, findings_are_read);
	tcase_add_test(tests, reports_are_read);
	tcase_add_test(tests, what_is_no_report_has_no_findings);
	tcase_add_test(tests, growth_is_a_leak_and_noise_is_not);
	tcase_add_test(tests, a_step_is_no_leak);
	tcase_add_test(tests, samples_stay_evenly_spread);
	tcase_add_test(tests, a_process_is_measured);
	tcase_add_test(tests, names_are_found);
	suite_add_tcase(suite, tests);
	return suite;
}
