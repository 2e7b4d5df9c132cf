/* SPDX-License-Identifier: MPL-2.0 */
/* What a stress run finds: see discovery.h. */
#include "cli/stress/discovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kind/console_report.h"
#include "kind/life.h"

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

static const char *text_of(const json *object, const char *name)
{
	const char *text = json_get_text(object, name);

	return text ? text : "";
}

struct discovery discovery_of_finding(const json *finding, enum finder finder)
{
	struct discovery found = {.finder = finder, .at_ns = clock_now_ns()};
	char where[32] = "whole guest";

	found.has_frame = json_get_hex(finding, "address", &found.frame);
	if (found.has_frame)
		snprintf(where, sizeof(where), "frame %#" PRIx64, found.frame);
	snprintf(found.rule, sizeof(found.rule), "%s", text_of(finding, "rule"));
	snprintf(found.text, sizeof(found.text), "%s: %s: expected %.80s, found %.80s", where,
		 found.rule, text_of(finding, "expected"), text_of(finding, "found"));
	return found;
}

static enum finder finder_of(const char *event)
{
	static const enum finder finders[CONSOLE_EVENT_COUNT] = {
		[CONSOLE_CHECK] = FINDER_CHECK,
		[CONSOLE_ABORT] = FINDER_ABORT,
		[CONSOLE_TRAP] = FINDER_TRAP,
	};

	for (enum console_event i = 0; i < CONSOLE_EVENT_COUNT; i++)
		if (strcmp(event, console_event_name(i)) == 0)
			return finders[i];
	return FINDER_NONE;
}

struct discovery discovery_of_failure(const json *failure, uint64_t start_ns)
{
	struct discovery found = {.finder = finder_of(text_of(failure, "failure"))};

	found.has_frame = json_get_hex(failure, "address", &found.frame);
	if (json_get_seconds(failure, "at_seconds", &found.at_ns))
		found.at_ns += start_ns;
	snprintf(found.rule, sizeof(found.rule), "%s", text_of(failure, "rule"));
	snprintf(found.text, sizeof(found.text), "%s", text_of(failure, "text"));
	return found;
}

struct discovery discovery_of_life(const char *key)
{
	struct discovery found = {.at_ns = clock_now_ns()};

	for (enum life_event event = LIFE_WENT_BACK; event <= LIFE_RESTARTED; event++) {
		if (strcmp(key, life_event_key(event)) != 0)
			continue;
		found.finder = FINDER_LEVEL_2;
		snprintf(found.rule, sizeof(found.rule), "%s", key);
		snprintf(found.text, sizeof(found.text), "the guest %s", life_event_text(event));
	}
	return found;
}
