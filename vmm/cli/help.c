/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor help`: the commands by task, or one command's own help. */
#include "cli/help.h"

#include <argp.h>
#include <stddef.h>

#include "cli/command_table.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/session.h"

static const char *const group_titles[GROUP_COUNT] = {
	[GROUP_RUN] = "Run a guest",
	[GROUP_LIST] = "List what runs",
	[GROUP_LOOK] = "Look into a running guest, or a capture",
	[GROUP_FOLLOW] = "Follow what it does",
	[GROUP_CHECK] = "Check it",
	[GROUP_KEEP] = "Keep a state, and compare two",
	[GROUP_HELP] = "Help",
};

void help_print(FILE *out)
{
	const struct command *command = command_table;

	fprintf(out, "usage: pagevisor COMMAND [OPTION...]\n");
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		fprintf(out, "\n%s\n", group_titles[group]);
		for (; command->name && command->group == group; command++)
			fprintf(out, "  %-10s %s\n", command->name, command->summary);
	}
	fprintf(out, "\npagevisor help COMMAND explains a command and its options;\n"
		     "man pagevisor-COMMAND says more.\n");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	const char **name = state->input;

	if (key != ARGP_KEY_ARG || *name)
		return ARGP_ERR_UNKNOWN;
	*name = text;
	return 0;
}

/* `pagevisor help COMMAND` is `pagevisor COMMAND --help`. */
static int explain(const char *name)
{
	char option[] = "--help";
	char *argv[] = {NULL, option, NULL};
	const struct command *command = command_table_find(name);

	return command ? command_table_run(command, 2, argv) : command_table_refuse(name);
}

int command_help(int argc, char **argv)
{
	static const struct argp parser = {
		.parser = parse_option,
		.args_doc = "[COMMAND]",
		.doc = "Lists the commands by task, or explains one command and its options.",
	};
	const char *name = NULL;

	options_parse(&parser, argc, argv, &name);
	if (name)
		return explain(name);
	help_print(stdout);
	return session_flush(STATUS_OK);
}
