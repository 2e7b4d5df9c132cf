/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of what a stress run reads about its processes, and when growth of what they hold is a leak. */
#include <string.h>
#include <unistd.h>

#include "cli/stress/catalog.h"
#include "cli/stress/discovery.h"
#include "cli/stress/inspector.h"
#include "cli/stress/resources.h"
#include "cli/stress/vm_report.h"
#include "unit/suites.h"

START_TEST(reports_are_read)
{
	static const char text[] =
		"{\"work\":{\"steps\":1234},\"planted\":{\"frame\":8192,\"steps\":900},"
		"\"guest_failures\":["
		"{\"event\":\"check\",\"rule\":\"the books differ\",\"text\":\"t\",\"at_ns\":5},"
		"{\"event\":\"abort\",\"rule\":\"put\",\"frame\":8192,\"text\":\"u\",\"at_ns\":6}],"
		"\"findings\":["
		"{\"rule\":\"leaked_frame\",\"frame\":4096,\"expected\":\"a\",\"found\":\"b\"},"
		"{\"rule\":\"type_count\",\"expected\":\"c\",\"found\":\"d\"}]}";
	struct vm_report report;

	vm_report_read(text, FINDER_LEVEL_3, &report);
	ck_assert_uint_eq(report.steps, 1234);
	ck_assert(report.planted.is_planted);
	ck_assert_uint_eq(report.planted.frame, 8192);
	ck_assert_uint_eq(report.planted.steps, 900);
	ck_assert_uint_eq(report.found_count, 4);
	ck_assert_int_eq(report.found[0].finder, FINDER_CHECK);
	ck_assert(!report.found[0].has_frame);
	ck_assert_str_eq(report.found[0].rule, "the books differ");
	ck_assert_uint_eq(report.found[0].at_ns, 5);
	ck_assert_int_eq(report.found[1].finder, FINDER_ABORT);
	ck_assert_uint_eq(report.found[1].frame, 8192);
	ck_assert_str_eq(report.found[1].text, "u");
	ck_assert_int_eq(report.found[2].finder, FINDER_LEVEL_3);
	ck_assert_str_eq(report.found[2].text, "frame 0x1000: leaked_frame: expected a, found b");
	ck_assert(report.found[2].has_frame);
	ck_assert(!report.found[3].has_frame);
}
END_TEST

START_TEST(what_is_no_report_is_zeroes)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"findings\":3,\"planted\":{\"frame\":1}}",
		"{\"work\":[],\"guest_failures\":[3,{\"event\":\"nothing\"}]}",
	};
	struct vm_report report;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		vm_report_read(texts[i], FINDER_BOOKS, &report);
		ck_assert_uint_eq(report.found_count, 0);
		ck_assert_uint_eq(report.steps, 0);
		ck_assert(!report.planted.is_planted);
	}
}
END_TEST

START_TEST(more_than_a_report_holds_is_left_out)
{
	char text[2000] = "{\"findings\":[{\"rule\":\"first\"}";
	struct vm_report report;

	for (unsigned i = 0; i < 2 * VM_REPORT_FOUND_MAX; i++)
		strcat(text, ",{\"rule\":\"more\"}");
	strcat(text, "]}");
	vm_report_read(text, FINDER_BOOKS, &report);
	ck_assert_uint_eq(report.found_count, VM_REPORT_FOUND_MAX);
	ck_assert_str_eq(report.found[0].rule, "first");
}
END_TEST

START_TEST(inspectors_reports_are_read)
{
	struct inspector_report report;

	ck_assert(inspector_report_read("{\"steps\":9,\"allocations\":8,\"frees\":7,\"in_use\":6,"
					"\"slots\":5}",
					&report));
	ck_assert_int_eq(report.found.finder, FINDER_NONE);
	ck_assert_uint_eq(report.steps, 9);
	ck_assert_uint_eq(report.frees, 7);
	ck_assert_uint_eq(report.slots, 5);
	ck_assert(inspector_report_read(
		"{\"steps\":3,\"finding\":{\"rule\":\"wild_vtable\",\"frame\":28672,"
		"\"expected\":\"one of 3\",\"found\":\"0x1\"}}",
		&report));
	ck_assert_int_eq(report.found.finder, FINDER_LEVEL_2);
	ck_assert_str_eq(report.found.text,
			 "frame 0x7000: wild_vtable: expected one of 3, found 0x1");
	ck_assert_uint_eq(report.found.steps, 3);
	ck_assert(!inspector_report_read("{\"steps\":3}", &report));
	ck_assert(!inspector_report_read("look 1 2 3 4 5", &report));
	ck_assert(!inspector_report_read("", &report));
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

/* Memory held from the start, and a single step, are no leak. */
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

	tcase_add_test(tests, reports_are_read);
	tcase_add_test(tests, what_is_no_report_is_zeroes);
	tcase_add_test(tests, more_than_a_report_holds_is_left_out);
	tcase_add_test(tests, inspectors_reports_are_read);
	tcase_add_test(tests, growth_is_a_leak_and_noise_is_not);
	tcase_add_test(tests, a_step_is_no_leak);
	tcase_add_test(tests, samples_stay_evenly_spread);
	tcase_add_test(tests, a_process_is_measured);
	tcase_add_test(tests, names_are_found);
	suite_add_tcase(suite, tests);
	return suite;
}
