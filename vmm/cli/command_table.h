/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands as data: finding one by its name, and running it. */
#ifndef VMM_COMMAND_TABLE_H
#define VMM_COMMAND_TABLE_H

#include "cli/commands.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	enum command_group group;
	const char *summary;
};

/* Ends with an entry without a name. */
extern const struct command command_table[];

/* NULL: there is none. */
const struct command *command_table_find(const char *name);

/* Runs a command with the arguments after argv[0], which is replaced by its name. Returns the exit status. */
int command_table_run(const struct command *command, int argc, char **argv);

/* Says in one line that there is no such command. Returns the exit status. */
int command_table_refuse(const char *name);

#endif
