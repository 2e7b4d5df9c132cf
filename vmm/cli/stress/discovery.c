/* SPDX-License-Identifier: MPL-2.0 */
/* What a stress run finds: see discovery.h. */
#include "cli/stress/discovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *finder_name(enum finder finder)
{
	static const char *const names[FINDER_COUNT] = {
		[FINDER_NONE] = "nobody",       [FINDER_CHECK] = "guest check",
		[FINDER_ABORT] = "guest abort", [FINDER_TRAP] = "guest trap",
		[FINDER_LEVEL_2] = "level 2",   [FINDER_LEVEL_3] = "level 3",
		[FINDER_BOOKS] = "books",       [FINDER_LIMIT] = "time limit",
		[FINDER_TOOL] = "own process",
	};

	return names[finder];
}

/* "frame 0x1234000" anywhere in the text. */
static void find_frame(const char *text, struct discovery *discovery)
{
	const char *at = strstr(text, "frame 0x");

	discovery->has_frame = at && sscanf(at, "frame 0x%" SCNx64, &discovery->frame) == 1;
}

/* The guest's words: what comes last, behind a colon. */
static void take_words(const char *line, struct discovery *discovery)
{
	const char *colon = strrchr(line, ':');

	snprintf(discovery->rule, sizeof(discovery->rule), "%s",
		 colon && colon[1] == ' ' ? colon + 2 : line);
}

bool discovery_from_console(const char *line, struct discovery *discovery)
{
	enum finder finder;

	if (strncmp(line, "check failed on cpu ", 20) == 0)
		finder = FINDER_CHECK;
	else if (strncmp(line, "panic on cpu ", 13) == 0)
		finder = FINDER_ABORT;
	else if (strncmp(line, "exception ", 10) == 0)
		finder = FINDER_TRAP;
	else
		return false;
	*discovery = (struct discovery){.finder = finder};
	snprintf(discovery->text, sizeof(discovery->text), "%s", line);
	find_frame(line, discovery);
	if (finder == FINDER_TRAP)
		snprintf(discovery->rule, sizeof(discovery->rule), "%.*s", (int)strcspn(line, ",:"),
			 line);
	else
		take_words(line, discovery);
	return true;
}

bool discovery_from_finding(const char *line, enum finder finder, struct discovery *discovery)
{
	char rule[sizeof(discovery->rule)];
	const char *at = strstr(line, ": ");

	if (!at || sscanf(at + 2, "%79[a-z_0-9]:", rule) != 1)
		return false;
	*discovery = (struct discovery){.finder = finder};
	memcpy(discovery->rule, rule, sizeof(rule));
	snprintf(discovery->text, sizeof(discovery->text), "%s", line);
	find_frame(line, discovery);
	return true;
}

bool planted_from_console(const char *line, struct planted *planted)
{
	struct planted found = {.is_planted = true};

	if (sscanf(line,
		   "planted %*31[a-z_]: frame 0x%" SCNx64 ", cpu %*u, after %" SCNu64 " steps",
		   &found.frame, &found.steps) != 2)
		return false;
	*planted = found;
	return true;
}
