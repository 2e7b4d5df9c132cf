/* SPDX-License-Identifier: MPL-2.0 */
/* Options of all commands: see options.h. */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/option_rules.h"
#include "sandbox/sandbox.h"

#define KEY_HELP    'h' /* as argp's own -? and --help */
#define KEY_VERSION 'V'

/* They have no letter. */
#define KEY_NO_SANDBOX 0x300
#define KEY_COMPLETE   0x301

void (*options_complete)(const struct argp_state *state);

/* What is written to standard error during the parse of options that ask for JSON: an error is answered in JSON, too. */
#define COMPLAINT_SIZE 4096

static struct {
	int fd;          /* gets it */
	int standard_fd; /* standard error meanwhile; -1: it is where it belongs */
	enum answer_form form;
	const char *name; /* what each of them begins with */
} complaints = {.fd = -1, .standard_fd = -1};

static const struct argp_option options_table[] = {
	{"no-sandbox", KEY_NO_SANDBOX, NULL, 0, "do not confine the command: see docs/sandbox.md",
	 0},
	{NULL, KEY_HELP, NULL, OPTION_HIDDEN, NULL, 0},
	{"version", KEY_VERSION, NULL, OPTION_HIDDEN, NULL, 0},
	{OPTIONS_COMPLETE, KEY_COMPLETE, NULL, OPTION_HIDDEN, NULL, 0},
	{0},
};

/* What is parsed. */
struct parse {
	const struct argp *parser;
	const struct option_rule *rules;
	void *input;
};

static void turn_off(void)
{
	if (sandbox_turn_off())
		fprintf(stderr, "pagevisor: the sandbox is off\n");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	const struct parse *parse = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = parse->input;
		break;
	case ARGP_KEY_END:
		option_rules_judge(parse->parser, parse->rules, state);
		break;
	case KEY_HELP:
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		break;
	case KEY_VERSION:
		exit(command_version(1, (char *[]){state->name, NULL}));
	case KEY_NO_SANDBOX:
		turn_off();
		break;
	case KEY_COMPLETE:
		if (!options_complete)
			return ARGP_ERR_UNKNOWN;
		options_complete(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

enum answer_form options_answer_form(int argc, char **argv)
{
	enum answer_form form = ANSWER_TEXT;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
			form = ANSWER_DOCUMENT;
		if (strcmp(argv[i], "--jsonl") == 0)
			form = ANSWER_LINES;
	}
	return form;
}

/* The message of argp or getopt begins with the command's name and a colon. */
static void answer_complaint(const char *text, int status)
{
	const char *message = strstr(text, complaints.name);

	answer_set_form(complaints.form);
	if (message)
		answer_problem(message + strlen(complaints.name) + strlen(": "));
	answer_close(status);
}

/* Gives standard error back, with what was written. When argp ends the process, `status` is that of an error or 0. */
static void release_complaints(int status, void *unused)
{
	char text[COMPLAINT_SIZE];

	(void)unused;
	if (complaints.standard_fd < 0)
		return;
	fflush(stderr);
	dup2(complaints.standard_fd, STDERR_FILENO);
	fd_close(complaints.standard_fd);
	complaints.standard_fd = -1;
	ssize_t length = pread(complaints.fd, text, sizeof(text) - 1, 0);

	fd_close(complaints.fd);
	text[length > 0 ? length : 0] = '\0';
	fputs(text, stderr);
	if (status)
		answer_complaint(text, status);
}

static void gather_complaints(enum answer_form form, const char *name)
{
	static bool is_registered;

	complaints.form = form;
	complaints.name = name;
	complaints.fd = memfd_create("complaints", MFD_CLOEXEC);
	if (complaints.fd < 0)
		return;
	if (!is_registered)
		on_exit(release_complaints, NULL);
	is_registered = true;
	complaints.standard_fd = dup(STDERR_FILENO);
	if (complaints.standard_fd < 0)
		fd_close(complaints.fd);
	else
		dup2(complaints.fd, STDERR_FILENO);
}

void options_parse(const struct argp *parser, int argc, char **argv, void *input)
{
	options_parse_ruled(parser, NULL, argc, argv, input);
}

void options_parse_ruled(const struct argp *parser, const struct option_rule *rules, int argc,
			 char **argv, void *input)
{
	struct parse parse = {parser, rules, input};
	const struct argp_child children[] = {{parser, 0, NULL, 0}, {0}};
	const struct argp all = {
		.options = options_table, .parser = parse_option, .children = children};
	enum answer_form form = options_answer_form(argc, argv);

	argp_err_exit_status = STATUS_BAD_INPUT;
	if (!sandbox_is_on())
		turn_off();
	answer_set_form(ANSWER_TEXT);
	if (form != ANSWER_TEXT)
		gather_complaints(form, argv[0]);
	argp_parse(&all, argc, argv, 0, NULL, &parse);
	release_complaints(STATUS_OK, NULL);
}
