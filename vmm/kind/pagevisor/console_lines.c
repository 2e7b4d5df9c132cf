/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's failures, from its console: see console_lines.h. */
#include "kind/pagevisor/console_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/console_lines.h>

#include "base/clock.h"

/* How the lines of each event begin. */
static const char *const beginnings[CONSOLE_EVENT_COUNT] = {
	[CONSOLE_CHECK] = LINE_CHECK_FAILED,
	[CONSOLE_ABORT] = LINE_PANIC,
	[CONSOLE_TRAP] = LINE_EXCEPTION,
};

/* "frame 0x1234000" anywhere in the line. */
static void find_frame(const char *line, struct console_failure *failure)
{
	const char *at = strstr(line, LINE_FRAME);

	failure->has_frame = at && sscanf(at, LINE_FRAME "%" SCNx64, &failure->frame) == 1;
}

/* For an exception, the name at the start of the line; for other events, the words after the last colon. */
static void find_rule(const char *line, struct console_failure *failure)
{
	const char *colon = strrchr(line, ':');

	if (failure->event == CONSOLE_TRAP)
		snprintf(failure->rule, sizeof(failure->rule), "%.*s", (int)strcspn(line, ",:"),
			 line);
	else
		snprintf(failure->rule, sizeof(failure->rule), "%s",
			 colon && colon[1] == ' ' ? colon + 2 : line);
}

static void take_failure(struct console_report *report, enum console_event event, const char *line)
{
	struct console_failure *failure = &report->failures[report->count];

	if (report->count == CONSOLE_FAILURES_MAX)
		return;
	*failure = (struct console_failure){.event = event, .at_ns = clock_now_ns()};
	snprintf(failure->text, sizeof(failure->text), "%s", line);
	find_frame(line, failure);
	find_rule(line, failure);
	report->count++;
}

void console_report_take(struct console_report *report, const char *line)
{
	struct planted_fault planted = {.is_planted = true};

	for (enum console_event event = 0; event < CONSOLE_EVENT_COUNT; event++)
		if (strncmp(line, beginnings[event], strlen(beginnings[event])) == 0)
			take_failure(report, event, line);
	if (sscanf(line,
		   LINE_PLANTED "%*31[a-z_]: " LINE_FRAME "%" SCNx64 ", cpu %*u, after %" SCNu64
				" steps",
		   &planted.frame, &planted.steps) == 2)
		report->planted = planted;
}
