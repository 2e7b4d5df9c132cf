/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat`: one look at a guest's metadata, or many. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/observation_json.h"
#include "view/observation_text.h"
#include "cli/stat_follow.h"

#define INTERVAL_MIN_NS (10 * NS_PER_MS)

enum option_key {
	KEY_FOLLOW = 'f',
	KEY_INTERVAL = 'i',
	KEY_LINES = 'n',
	KEY_INCREMENTAL = 0x300, /* no letter */
};

struct stat_command {
	struct session session;
	bool is_following;
	struct stat_follow_options follow;
};

static uint64_t up_ns(const struct source *source)
{
	uint64_t now = clock_now_ns();

	return source->start_ns && now > source->start_ns ? now - source->start_ns : 0;
}

static void print_count(const char *name, uint64_t count)
{
	char text[NUMBER_TEXT_SIZE];

	printf("%-9s %s\n", name, number_text(text, (double)count));
}

static void print_text(const struct source *source, const struct observation *seen)
{
	printf("vm        %s", source->name);
	if (source->pid)
		printf(", process %u", source->pid);
	printf("\nguest     %" PRIu64 " MiB", source_memory_size(source) >> 20);
	if (source->cpu_count)
		printf(", %u vCPUs", source->cpu_count);
	print_facts_in_line(&seen->guest->facts);
	printf(", %s", seen->guest->stage);
	if (source->start_ns)
		printf(", %.2f s", (double)up_ns(source) / (double)NS_PER_S);
	printf("\n");
	for (unsigned i = 0; i < seen->counters.count; i++)
		if (seen->counters.list[i].use & FACT_IN_REPORT)
			print_count(seen->counters.list[i].label, seen->counters.list[i].value);
	if (seen->scans) {
		observation_print_frames(seen);
		observation_print_scans(seen);
	}
	observation_print_findings(&seen->findings);
}

static void print_json(const struct source *source, const struct observation *seen)
{
	struct json_object *root = json_object_new_object();

	json_add_text(root, "name", source->name);
	json_add_text(root, "kind", seen->guest->kind->name);
	if (source->pid)
		json_add_number(root, "pid", source->pid);
	json_add_number(root, "memory_bytes", source_memory_size(source));
	if (source->cpu_count)
		json_add_number(root, "cpus", source->cpu_count);
	if (source->start_ns)
		json_add_number(root, "up_ns", up_ns(source));
	if (seen->counters.count)
		json_object_object_add(root, "work", facts_json(&seen->counters));
	observation_add_json(root, seen);
	json_print(root);
}

static int look_and_print(struct session *session)
{
	const struct source *source = &session->source;
	struct observation *seen = calloc(1, sizeof(*seen));
	struct error err;

	if (!seen)
		return session_refuse(error_set(&err, -ENOMEM, "no memory"), &err);
	int status = session_look(session, GUEST_HAS_FRAMES);

	if (status == STATUS_OK) {
		int result = observation_look(seen, &source->memory, &source->hints);

		/* The array was sound a moment ago. */
		if (result < 0) {
			status = session_lost(source,
					      seen->is_known ? "the array went away during the scan"
							     : seen->problem.text);
		} else if (session->options.json) {
			print_json(source, seen);
		} else {
			print_text(source, seen);
		}
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
		if (!seconds_parse(text, &command->follow.interval_ns) ||
		    command->follow.interval_ns < INTERVAL_MIN_NS)
			argp_error(state, "--interval %s: expected at least 0.01 seconds", text);
		break;
	case KEY_LINES:
		if (!number_parse(text, 1, UINT32_MAX, &command->follow.count))
			argp_error(state, "--lines %s: expected a number of at least 1", text);
		break;
	case ARGP_KEY_END:
		if (command->follow.incremental && !command->is_following)
			argp_error(state, "--incremental needs --follow: the first look reads "
					  "everything anyway");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int look(struct stat_command *command)
{
	struct session *session = &command->session;

	if (!command->is_following)
		return look_and_print(session);
	int status = session_look(session, GUEST_HAS_FRAMES);

	return status == STATUS_OK ? stat_follow(session, &command->follow) : status;
}

int command_stat(int argc, char **argv)
{
	static const struct argp_option options_table[] = {
		{"follow", KEY_FOLLOW, NULL, 0, "look repeatedly, and print a line each time", 0},
		{"interval", KEY_INTERVAL, "SECONDS", 0, "from one look to the next (1)", 0},
		{"lines", KEY_LINES, "N", 0, "end after N lines", 0},
		{"incremental", KEY_INCREMENTAL, NULL, 0,
		 "read only what the guest has written since the previous look: for large guests; "
		 "slows the guest's writes a little",
		 0},
		{0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "[VM]",
		.children = session_children,
		.doc = "Looks once at the page metadata of a running guest, without pausing it: "
		       "frames by state and type, references, what the scan cost, broken "
		       "invariants.\v" SESSION_VM_HELP,
	};
	struct stat_command command = {.follow = {.interval_ns = NS_PER_S}};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &command);
	int status = session_open(&command.session);

	if (status == STATUS_OK)
		status = look(&command);
	session_close(&command.session);
	return session_flush(status);
}
