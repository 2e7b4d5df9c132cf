/* SPDX-License-Identifier: MPL-2.0 */
/* The command: runs the subcommand. The process exits only here and in argp. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/number_text.h"
#include "cli/command_table.h"
#include "cli/completion.h"
#include "cli/confine.h"
#include "cli/exit_status.h"
#include "cli/fleet/vm_kinds.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/output.h"
#include "sandbox/sandbox.h"
#include "source/libvirt/libvirt_pauser.h"
#include "source/qemu/qemu_pauser.h"
#include "view/answer.h"
#include "view/top/top_screen.h"

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

#define RAM_IS_GONE                                                                                \
	"the guest's RAM cannot be read: its file shrank, or the host has no memory for it"

/* Guest memory is mapped from files that others may truncate, and for which the host may run out of memory. */
static void on_bus_error(int signal)
{
	static const char text[] = "pagevisor: " RAM_IS_GONE "\n";

	top_screen_abandon();
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal;
	(void)ignored;
	answer_abandon(RAM_IS_GONE, STATUS_REFUSED);
	_exit(STATUS_REFUSED);
}

/* Every command may read guest memory, on any of its threads. */
static void handle_bus_errors(void)
{
	const struct sigaction action = {.sa_handler = on_bus_error};

	sigaction(SIGBUS, &action, NULL);
}

/* PAGEVISOR_TIMEOUT replaces the patience of base/deadline.h. Returns false if it is no time. */
static bool set_patience(void)
{
	const char *text = getenv("PAGEVISOR_TIMEOUT");
	uint64_t ns;

	if (!text || !*text)
		return true;
	if (!time_parse(text, &ns) || ns == 0)
		return false;
	deadline_set_patience(ns);
	return true;
}

/* A process that pauses a guest for an inspector. */
static int run_pauser(int (*run)(const char *place, const char *guest, const char *deadline_ms),
		      char **argv)
{
	confine_pauser(argv[2]);
	return run(argv[2], argv[3], argv[4]);
}

/* As an option, because people try that first. */
static const char *command_named_by(const char *word)
{
	static const char *const options[][2] = {{"-h", "help"},
						 {"-?", "help"},
						 {"--help", "help"},
						 {"-V", "version"},
						 {"--version", "version"}};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(word, options[i][0]) == 0)
			return options[i][1];
	return word;
}

/* Before there is a command, whose parser would do so: an error is answered in JSON, too, if the arguments ask for that. */
static void set_form(int argc, char **argv)
{
	bool completes = argc > 1 && strcmp(argv[1], COMPLETION_COMMAND) == 0;

	answer_set_form(completes ? ANSWER_TEXT : options_answer_form(argc, argv));
}

static int refuse(int argc, char **argv, const char *why)
{
	set_form(argc, argv);
	output_refuse(STATUS_BAD_INPUT, "%s", why);
	answer_close(STATUS_BAD_INPUT);
	return STATUS_BAD_INPUT;
}

static int run_command(int argc, char **argv)
{
	const char *name = command_named_by(argv[1]);
	const struct command *command = command_table_find(name);

	if (command)
		return command_table_run(command, argc - 1, argv + 1);
	set_form(argc, argv);
	int status = command_table_refuse(name);

	answer_close(status);
	return status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	open_standard_descriptors();
	sandbox_begin();
	/* A reader that went away and a file size limit become write errors, and are reported as such. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	handle_bus_errors();
	if (!set_patience())
		return refuse(argc, argv, "PAGEVISOR_TIMEOUT is no time above 0, " TIME_EXAMPLES);
	if (!vm_kinds_read())
		return refuse(argc, argv, "PAGEVISOR_LIST is not a list of vm, libvirt, qemu");
	if (!name) {
		help_print(stderr);
		return STATUS_BAD_INPUT;
	}
	/* Not for users, so the help leaves these out. */
	if (strcmp(name, LIBVIRT_PAUSER_COMMAND) == 0 && argc == 5)
		return run_pauser(libvirt_pauser_main, argv);
	if (strcmp(name, QEMU_PAUSER_COMMAND) == 0 && argc == 5)
		return run_pauser(qemu_pauser_main, argv);
	if (strcmp(name, COMPLETION_COMMAND) == 0)
		return completion_main(argc, argv);
	return run_command(argc, argv);
}
