/* SPDX-License-Identifier: MPL-2.0 */
/* Prints what a guest's image lists: see guest_help.h. */
#include "cli/guest_help.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <pagevisor/options.h>

#include "cli/host_scenario.h"
#include "cli/output.h"
#include "view/folded.h"

/* Columns of a name with what it takes, and of the bounds of a number. */
#define NAME_WIDTH  22
#define BOUNDS_SIZE 96

static void print_line(int indent, const char *name, const char *help, const char *bounds)
{
	struct folded line = {
		.out = stdout, .columns = folded_columns(STDOUT_FILENO), .indent = NAME_WIDTH + 1};

	folded_put(&line, "%*s%-*s", indent, "", NAME_WIDTH - indent, name);
	folded_words(&line, help);
	folded_words(&line, bounds);
	folded_end(&line);
}

/* "a power of two, 64 to 1048576 entries" */
static void format_range(const struct option_entry *setting, char *text, size_t size)
{
	const char *space = *setting->unit ? " " : "";

	*text = '\0';
	if (setting->value == OPTION_TAKES_NUMBER && setting->max != UINT64_MAX)
		snprintf(text, size, "%s%" PRIu64 " to %" PRIu64 "%s%s",
			 setting->flags & OPTION_POWER_OF_TWO ? "a power of two, " : "",
			 setting->min, setting->max, space, setting->unit);
}

/* "(1 to 512 frames, by default 16)" */
static void format_bounds(const struct option_entry *setting, char *text, size_t size)
{
	char range[BOUNDS_SIZE], fallback[BOUNDS_SIZE] = "";

	format_range(setting, range, sizeof(range));
	if (setting->value != OPTION_TAKES_NUMBER)
		snprintf(fallback, sizeof(fallback), "%s", setting->word);
	else if (setting->fallback != UINT64_MAX)
		snprintf(fallback, sizeof(fallback), "%" PRIu64, setting->fallback);
	*text = '\0';
	if (*range || *fallback)
		snprintf(text, size, "(%s%s%s%s)", range, *range && *fallback ? ", " : "",
			 *fallback ? "by default " : "", fallback);
}

static void print_words(const struct option_list *list, const char *of, int indent)
{
	const struct option_entry *word;
	size_t at = 0;

	while ((word = option_list_next(list, OPTION_KIND_WORD, &at)))
		if (strcmp(word->of, of) == 0)
			print_line(indent, word->name, word->help, "");
}

/* Without those that the host sets: it has options of its own for them. */
static void print_settings(const struct option_list *list, const char *workload, int indent)
{
	static const char *const takes[OPTION_VALUE_COUNT] = {
		[OPTION_TAKES_TEXT] = "TEXT",          [OPTION_TAKES_NUMBER] = "N",
		[OPTION_TAKES_WORD] = "WORD",          [OPTION_TAKES_WORKLOAD] = "NAME",
		[OPTION_TAKES_WORKLOADS] = "NAME,...",
	};
	const struct option_entry *setting;
	size_t at = 0;

	while ((setting = option_list_next(list, OPTION_KIND_SETTING, &at))) {
		char name[2 * OPTION_NAME_SIZE], bounds[3 * BOUNDS_SIZE];

		if (strcmp(setting->of, workload) != 0 || setting->flags & OPTION_FROM_HOST)
			continue;
		snprintf(name, sizeof(name), "%s=%s", setting->name, takes[setting->value]);
		format_bounds(setting, bounds, sizeof(bounds));
		print_line(indent, name, setting->help, bounds);
		print_words(list, setting->name, indent + 2);
	}
}

static void print_workloads(const struct option_list *list, uint32_t flags, bool with_settings)
{
	const struct option_entry *workload;
	size_t at = 0;

	while ((workload = option_list_next(list, OPTION_KIND_WORKLOAD, &at))) {
		if ((workload->flags & flags) != flags)
			continue;
		print_line(2, workload->name, workload->help, "");
		if (with_settings)
			print_settings(list, workload->name, 4);
	}
}

int guest_help_print(const struct option_list *list)
{
	printf("workloads (--workload), and what --append takes with each\n");
	print_workloads(list, 0, true);
	printf("with all of them\n");
	print_settings(list, "", 2);
	return output_flush();
}

int guest_help_print_stress(const struct option_list *list)
{
	const struct host_scenario *scenario;
	size_t at = 0;

	printf("scenarios\n");
	print_workloads(list, OPTION_STRESSES, false);
	while ((scenario = host_scenario_next(&at)))
		print_line(2, scenario->name, scenario->help, "");
	printf("faults to plant\n");
	print_words(list, OPTION_PLANT, 2);
	printf("faults of the host's side of reclaim are planted in its sources: make "
	       "test-host-faults\n");
	return output_flush();
}
