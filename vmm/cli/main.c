/* SPDX-License-Identifier: MPL-2.0 */
/* The command: runs the subcommand. The process exits only here and in argp. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "source/libvirt/pauser.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
#define COMMAND_ENTRY(name, summary) {#name, command_##name, summary},
	COMMANDS(COMMAND_ENTRY)
#undef COMMAND_ENTRY
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fprintf(out, "usage: pagevisor COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "  %-10s %s\n  %-10s %s\n\n", "help", "this text", "version",
		"print the version");
	fprintf(out, "pagevisor help COMMAND explains a command and its options.\n");
}

/*
 * Opens closed standard descriptors on /dev/null. Otherwise the next file to be opened would get their number, and
 * receive messages.
 */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* argp prints argv[0] in its messages. */
static int run_command(const struct command *command, int argc, char **argv)
{
	char full_name[32];

	snprintf(full_name, sizeof(full_name), "pagevisor %s", command->name);
	argv[0] = full_name;
	return command->run(argc, argv);
}

static int refuse_command(const char *name)
{
	fprintf(stderr, "pagevisor: no command \"%s\"; try pagevisor help\n", name);
	return STATUS_BAD_INPUT;
}

/* `pagevisor help COMMAND` is `pagevisor COMMAND --help`. */
static int help(const char *name)
{
	char option[] = "--help";
	char *argv[] = {NULL, option, NULL};
	bool is_other = name && strcmp(name, "help") != 0 && strcmp(name, "version") != 0;
	const struct command *command = is_other ? find_command(name) : NULL;

	if (command)
		return run_command(command, 2, argv);
	if (is_other)
		return refuse_command(name);
	print_help(stdout);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	open_standard_descriptors();
	/* A reader that went away and a file size limit become write errors, and are reported as such. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);

	if (!name) {
		print_help(stderr);
		return STATUS_BAD_INPUT;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0)
		return help(argv[2]);
	if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
		printf("pagevisor " PAGEVISOR_VERSION "\n");
		return STATUS_OK;
	}
	/* Not for users, so the help leaves it out. */
	if (strcmp(name, PAUSER_COMMAND) == 0 && argc == 5)
		return pauser_main(argv[2], argv[3], argv[4]);
	const struct command *command = find_command(name);

	return command ? run_command(command, argc - 1, argv + 1) : refuse_command(name);
}
