/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands as data: see command_table.h. */
#include "cli/command_table.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/name_guess.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "view/answer.h"

const struct command command_table[] = {
#define COMMAND_ENTRY(name, group, summary) {#name, command_##name, GROUP_##group, summary},
	COMMANDS(COMMAND_ENTRY)
#undef COMMAND_ENTRY
		{0},
};

const struct command *command_table_find(const char *name)
{
	for (const struct command *command = command_table; command->name; command++)
		if (strcmp(name, command->name) == 0)
			return command;
	return NULL;
}

/* argp prints argv[0] in its messages. */
int command_table_run(const struct command *command, int argc, char **argv)
{
	char full_name[32];

	snprintf(full_name, sizeof(full_name), "pagevisor %s", command->name);
	argv[0] = full_name;
	int status = command->run(argc, argv);

	answer_close(status);
	return status;
}

int command_table_refuse(const char *name)
{
	struct name_guess guess = name_guess_of(name);

	for (const struct command *command = command_table; command->name; command++)
		name_guess_try(&guess, command->name);
	return output_refuse(STATUS_BAD_INPUT, "no command '%s'%s", name,
			     name_guess_name(&guess) ? name_guess_text(&guess)
						     : "; try pagevisor help");
}
