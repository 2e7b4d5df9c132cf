/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat`: one look at a guest's metadata, or many. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/breakdown_look.h"
#include "cli/exit_status.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "inspect/holding.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/holding_text.h"
#include "view/observation_json.h"
#include "view/observation_text.h"
#include "view/origin_text.h"
#include "cli/stat_by.h"
#include "cli/stat_follow.h"

#define INTERVAL_MIN_NS (10 * NS_PER_MS)

enum option_key {
	KEY_FOLLOW = 'f',
	KEY_INTERVAL = 'i',
	KEY_LINES = 'n',
	KEY_INCREMENTAL = 0x300, /* no letter */
	KEY_BY,
	KEY_LIMIT,
};

struct stat_command {
	struct session session;
	bool is_following;
	struct stat_follow_options follow;
	bool is_by;
	struct stat_by_options by;
};

static uint64_t up_ns(const struct source *source)
{
	uint64_t now = clock_now_ns();

	return source->start_ns && now > source->start_ns ? now - source->start_ns : 0;
}

/* A source need not know them; 0: nobody does. */
static unsigned cpu_count(const struct source *source, const struct guest *guest)
{
	return source->cpu_count ? source->cpu_count : guest->cpu_count;
}

static void print_count(const char *name, uint64_t count)
{
	char text[NUMBER_TEXT_SIZE];

	printf("%-9s %s\n", name, number_text(text, (double)count));
}

static void print_text(const struct session *session, const struct observation *seen,
		       const struct holding *holding)
{
	const struct source *source = &session->source;
	const unsigned cpus = cpu_count(source, seen->guest);

	session_print_coverage(session, seen->last.reads.unstable, stdout);
	printf("vm        %s", source->name);
	if (source->pid)
		printf(", process %u%s", source->pid,
		       source->has_foreign_pid ? " of another PID namespace" : "");
	printf("\nguest     %" PRIu64 " MiB", source_memory_size(source) >> 20);
	if (cpus)
		printf(", %u vCPU%s", cpus, plural(cpus));
	if (seen->guest->system)
		printf(", %s", seen->guest->system);
	print_facts_in_line(&seen->guest->facts);
	printf(", %s", seen->guest->stage);
	if (source->start_ns)
		printf(", %.2f s", (double)up_ns(source) / (double)NS_PER_S);
	printf("\n");
	origin_print(source, seen->guest, stdout);
	for (unsigned i = 0; i < seen->counters.count; i++)
		if (seen->counters.list[i].use & FACT_IN_REPORT)
			print_count(seen->counters.list[i].label, seen->counters.list[i].value);
	if (seen->scans) {
		observation_print_frames(seen);
		holding_print(holding, stdout);
		observation_print_scans(seen);
	}
	/* A look is no check; of a kind without rules there is nothing to find. */
	if (seen->findings.total == 0 && !seen->guest->kind->check)
		return;
	if (seen->findings.total == 0)
		printf("findings  none in the slots; check looks for leaks and at lists and tables, too\n");
	else
		observation_print_findings(&seen->findings);
}

static void print_json(const struct session *session, const struct observation *seen,
		       const struct holding *holding)
{
	const struct source *source = &session->source;
	const unsigned cpus = cpu_count(source, seen->guest);
	json *root = session_head(session);

	json_add_text(root, "kind", seen->guest->kind->name);
	if (seen->guest->system)
		json_add_text(root, "system", seen->guest->system);
	if (source->pid)
		json_add_number(root, "pid", source->pid);
	if (source->has_foreign_pid)
		json_add_flag(root, "pid_is_foreign", true);
	json_add_number(root, "memory_bytes", source_memory_size(source));
	if (cpus)
		json_add_number(root, "cpus", cpus);
	if (source->start_ns)
		json_add_seconds(root, "up_seconds", up_ns(source));
	origin_add_json(root, source, seen->guest);
	session_add_coverage(root, session, seen->last.reads.unstable);
	observation_add_json(root, seen);
	holding_add_json(root, holding);
	observation_add_findings(root, seen, true);
	answer_print("stat", root, seen->findings.total ? STATUS_VIOLATION : STATUS_OK);
}

static int look_and_print(struct session *session)
{
	const struct source *source = &session->source;
	struct observation *seen = calloc(1, sizeof(*seen));
	struct holding holding = {0};
	struct error err;

	if (!seen)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	int status = session_look(session, GUEST_HAS_FRAMES);

	if (status == STATUS_OK) {
		int result = observation_look(seen, &source->memory, &source->hints);

		if (result == 0 && seen->scans)
			result = error_set(&seen->problem, holding_count(seen->guest, &holding),
					   "the array went away during the look");
		/* The array was sound a moment ago. */
		if (result < 0) {
			status = session_lost(source, seen->problem.text);
		} else if ((status = session_sound(source)) != STATUS_OK) {
			/* Reported. */
		} else if (session->options.json) {
			print_json(session, seen, &holding);
		} else {
			print_text(session, seen, &holding);
		}
		if (status == STATUS_OK && seen->findings.total)
			status = STATUS_VIOLATION;
	}
	observation_end(seen);
	free(seen);
	return status;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct stat_command *command = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &command->session.options;
		break;
	case KEY_FOLLOW:
		command->is_following = true;
		break;
	case KEY_INCREMENTAL:
		command->follow.incremental = true;
		break;
	case KEY_INTERVAL:
		command->follow.interval_ns =
			option_time_from("--interval", text, INTERVAL_MIN_NS, state);
		break;
	case KEY_LINES:
		if (!number_parse(text, 1, UINT32_MAX, &command->follow.count))
			argp_error(state, "--lines %s: expected a number of at least 1", text);
		break;
	case KEY_BY:
		command->is_by = true;
		if (!breakdown_by_parse(text, &command->by.by))
			argp_error(state, "--by %s: expected " BREAKDOWN_WORDS, text);
		break;
	case KEY_LIMIT:
		if (!number_parse(text, 1, UINT32_MAX, &command->by.limit))
			argp_error(state, "--limit %s: expected a number of at least 1", text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int look(struct stat_command *command)
{
	struct session *session = &command->session;

	if (command->is_by)
		return stat_by(session, &command->by);
	if (!command->is_following)
		return look_and_print(session);
	int status = session_look(session, GUEST_HAS_FRAMES);

	return status == STATUS_OK ? stat_follow(session, &command->follow) : status;
}

int command_stat(int argc, char **argv)
{
	static const struct argp_option options_table[] = {
		{"by", KEY_BY, BREAKDOWN_LIST, 0,
		 "what has the guest's memory, the largest first; all but class for Linux guests",
		 0},
		{"limit", KEY_LIMIT, "N", 0, "list N of them, and the sum of the others (20)", 0},
		{"follow", KEY_FOLLOW, NULL, 0, "look repeatedly, and print a line each time", 0},
		{"interval", KEY_INTERVAL, "TIME", 0, "from one look to the next (1)", 0},
		{"lines", KEY_LINES, "N", 0, "end after N lines", 0},
		{"incremental", KEY_INCREMENTAL, NULL, 0,
		 "read only what the guest has written since the previous look: for large guests; "
		 "slows the guest's writes a little",
		 0},
		{0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.children = session_follow_children,
		.doc = "Looks at the page metadata of a running guest, once or with --follow again and "
		       "again, without pausing it: "
		       "frames by state and type, references, what the scan cost, broken "
		       "invariants.\v" SESSION_VM_HELP
		       " The exit status is 4 when something is broken.",
	};
	static const struct option_rule rules[] = {
		{"limit", OPTION_NEEDS, "by", "nothing else is a list"},
		{"follow", OPTION_IDLE_WITH, "by", "it looks once"},
		{"jsonl", OPTION_NEEDS, "follow", "one look has one answer, --json"},
		{"incremental", OPTION_NEEDS, "follow", "the first look reads everything anyway"},
		{"interval|lines", OPTION_NEEDS, "follow", "without it stat looks once"},
		{0}};
	struct stat_command command = {.follow = {.interval_ns = NS_PER_S},
				       .by = {.limit = BREAKDOWN_LIMIT}};

	options_parse_ruled(&parser, rules, argc, argv, &command);
	int status = session_open(&command.session);

	if (status == STATUS_OK)
		status = look(&command);
	session_close(&command.session);
	return session_flush(status);
}
