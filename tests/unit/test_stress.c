/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of what a stress run reads about its processes, and when growth of what they hold is a leak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wordexp.h>

#include "cli/stress/discovery.h"
#include "cli/stress/inspector.h"
#include "cli/stress/options.h"
#include "cli/stress/report.h"
#include "cli/stress/resources.h"
#include "base/clock.h"
#include "cli/stress/vm_report.h"
#include "unit/suites.h"

START_TEST(reports_are_read)
{
	static const char text[] =
		"{\"kind\":\"any\",\"any\":{\"counters\":{\"steps\":1234}},"
		"\"started_monotonic_seconds\":2,"
		"\"planted\":{\"address\":\"0x2000\",\"steps\":900},"
		"\"guest_failures\":["
		"{\"failure\":\"check\",\"rule\":\"the books differ\",\"text\":\"t\",\"at_seconds\":0.5},"
		"{\"failure\":\"abort\",\"rule\":\"put\",\"address\":\"0x2000\",\"text\":\"u\",\"at_seconds\":6}],"
		"\"findings\":["
		"{\"rule\":\"leaked_frame\",\"address\":\"0x1000\",\"expected\":\"a\",\"found\":\"b\"},"
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
	ck_assert_uint_eq(report.found[0].at_ns, 2500 * NS_PER_MS);
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
		"{\"findings\":3,\"planted\":{\"address\":\"0x1\"}}",
		"{\"kind\":\"any\",\"any\":[],\"guest_failures\":[3,{\"failure\":\"nothing\"}]}",
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
					"\"frames\":5}",
					&report));
	ck_assert_int_eq(report.found.finder, FINDER_NONE);
	ck_assert_uint_eq(report.steps, 9);
	ck_assert_uint_eq(report.frees, 7);
	ck_assert_uint_eq(report.frames, 5);
	ck_assert(inspector_report_read(
		"{\"steps\":3,\"finding\":{\"rule\":\"wild_vtable\",\"address\":\"0x7000\","
		"\"expected\":\"one of 3\",\"found\":\"0x1\"}}",
		&report));
	ck_assert_int_eq(report.found.finder, FINDER_LEVEL_2);
	ck_assert_str_eq(report.found.text,
			 "frame 0x7000: wild_vtable: expected one of 3, found 0x1");
	ck_assert_uint_eq(report.found.steps, 3);
	ck_assert(inspector_report_read("{\"steps\":2,\"event\":\"restarted\"}", &report));
	ck_assert_int_eq(report.found.finder, FINDER_LEVEL_2);
	ck_assert_str_eq(report.found.rule, "restarted");
	ck_assert_str_eq(report.found.text, "the guest has restarted");
	ck_assert_uint_eq(report.found.steps, 2);
	ck_assert(inspector_report_read("{\"steps\":2,\"event\":\"went_back\"}", &report));
	ck_assert_str_eq(report.found.text, "the guest is back in an earlier state");
	ck_assert(!inspector_report_read("{\"steps\":2,\"event\":\"goes_on\"}", &report));
	ck_assert(!inspector_report_read("{\"event\":\"restarted\"}", &report));
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

static char *repro_of(const struct stress_options *options)
{
	const struct stress_result result = {.scenario = options->scenarios[0],
					     .seed = options->round.guest.seed,
					     .plant = options->round.plant};

	return stress_repro(options, &result);
}

/* What a report prints is parsed again as a shell would. */
START_TEST(a_repro_can_be_pasted)
{
	static struct {
		const char *program;
		char *arguments[24];
		const char *repro;
	} const runs[] = {
		{"pagevisor",
		 {"stress"},
		 "pagevisor stress mix --seed 1 --cpus 2 --memory 64M --time 10"},
		{"../my build/pagevisor",
		 {"stress"},
		 "'../my build/pagevisor' stress mix --seed 1 --cpus 2 --memory 64M --time 10"},
		{"build/pagevisor",
		 {"stress", "lists", "--seed", "0xFFFFFFFFFFFFFFFF", "--ops=7", "--plant", "leak",
		  "--chaos"},
		 "build/pagevisor stress lists --seed 18446744073709551615 --cpus 2 --memory 64M --ops 7 --plant "
		 "leak --chaos"},
		{"pagevisor",
		 {"stress",   "mix",       "--time",        "1.000000001s",
		  "--memory", "16388K",    "--append",      "mix='a'  b",
		  "--kernel", "it's here", "--accel",       "qemu",
		  "--ring",   "3",         "--inspectors",  "2",
		  "--rate",   "7",         "--check-every", "250ms",
		  "--limit",  "3h"},
		 "pagevisor stress mix --seed 1 --cpus 2 --memory 16388K --time 1000000001ns --accel qemu --ring 3 "
		 "--kernel 'it'\\''s here' --append 'mix='\\''a'\\''  b' --inspectors 2 --rate 7 --check-every 250ms "
		 "--limit 10800"},
	};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		char *arguments[24], *first, *again;
		struct stress_options options;
		int count = 0;
		wordexp_t words;

		for (; runs[i].arguments[count]; count++)
			arguments[count] = runs[i].arguments[count];
		arguments[count] = NULL;
		stress_options_parse(&options, count, arguments);
		ck_assert_str_eq(options.program, program_invocation_name);
		options.program = runs[i].program;
		first = repro_of(&options);
		ck_assert_str_eq(first, runs[i].repro);
		ck_assert_int_eq(wordexp(first, &words, WRDE_NOCMD), 0);
		stress_options_parse(&options, (int)words.we_wordc - 1, words.we_wordv + 1);
		options.program = words.we_wordv[0];
		again = repro_of(&options);
		ck_assert_str_eq(again, first);
		wordfree(&words);
		free(first);
		free(again);
	}
}
END_TEST

/* What a report of one round prints. */
static const char *text_of(const struct stress_result *result)
{
	static char text[4096];
	struct stress_result copy = *result;
	struct stress_options options = {
		.program = "pagevisor", .seeds = 1, .round.guest.append = ""};
	const struct stress_report report = {
		.options = &options, .results = &copy, .count = 1, .interrupted = true};
	FILE *output = tmpfile();

	fflush(stdout);
	int out_fd = dup(STDOUT_FILENO);

	dup2(fileno(output), STDOUT_FILENO);
	stress_report_print_round(&report, &copy);
	ck_assert_int_eq(stress_report_print_text(&report), 0);
	dup2(out_fd, STDOUT_FILENO);
	close(out_fd);
	rewind(output);
	text[fread(text, 1, sizeof(text) - 1, output)] = '\0';
	fclose(output);
	return text;
}

START_TEST(a_round_whose_check_a_signal_cut_says_so)
{
	struct stress_result result = {.scenario = "mix", .seed = 7, .duration_ns = NS_PER_S};

	ck_assert_ptr_nonnull(strstr(text_of(&result), " checks, nothing found\n"));
	ck_assert_ptr_nonnull(
		strstr(text_of(&result), "verdict   interrupted; 0 of 1 round found"));
	result.is_cut = true;
	ck_assert_ptr_nonnull(strstr(text_of(&result), " checks, nothing found, cut short\n"));
	result.found_count = 1;
	ck_assert_ptr_nonnull(strstr(text_of(&result), " checks, FOUND\n"));
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
	tcase_add_test(tests, a_repro_can_be_pasted);
	tcase_add_test(tests, a_round_whose_check_a_signal_cut_says_so);
	suite_add_tcase(suite, tests);
	return suite;
}
