/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs suites of unit tests with the runner of check.h: `unit-tests [-l] [-x TEST] [FILTER...]`. A suite runs when its
 * name contains one of the filters, or when there are none; -l lists the names instead; -x leaves out the tests of a
 * name. suites.inc, which the build makes,
 * has a line SUITE(NAME) for each suite. Exits with 1 if a test failed, with 2 if nothing matches.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SUITE(name) Suite *name##_suite(void);
#include <suites.inc>
#undef SUITE

static const struct {
	const char *name;
	Suite *(*create)(void);
} suites[] = {
#define SUITE(name) {#name, name##_suite},
#include <suites.inc>
#undef SUITE
};

#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

#define EXIT_USAGE 2

static bool is_selected(const char *name, char *const *filters)
{
	if (!*filters)
		return true;
	for (; *filters; filters++)
		if (strstr(name, *filters))
			return true;
	return false;
}

static int usage(const char *problem)
{
	fprintf(stderr, "unit-tests: %s\nusage: unit-tests [-l] [-x TEST] [FILTER...]\n", problem);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	/* Tests that abort on purpose must not leave core files. */
	const struct rlimit no_core = {0};
	struct check_counts counts = {0};
	const char *except = NULL;
	unsigned selected = 0;
	bool list = false;
	int option;

	setrlimit(RLIMIT_CORE, &no_core);
	while ((option = getopt(argc, argv, "lx:")) != -1) {
		if (option == 'l')
			list = true;
		else if (option == 'x')
			except = optarg;
		else
			return usage("no such option");
	}
	for (size_t i = 0; i < SUITE_COUNT; i++) {
		if (!is_selected(suites[i].name, argv + optind))
			continue;
		selected++;
		if (list)
			puts(suites[i].name);
		else
			check_run(suites[i].create(), except, &counts);
	}
	if (selected == 0)
		return usage("no suite matches; -l lists them");
	if (!list)
		printf("%u passed, %u failed\n", counts.passed, counts.failed);
	return counts.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
