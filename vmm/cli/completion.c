/* SPDX-License-Identifier: MPL-2.0 */
/* Completion of the command line: see completion.h. */
#include "cli/completion.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_table.h"
#include "cli/completion_values.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/session.h"

#define ARGUMENTS_SIZE 256 /* what the arguments of a command are called, together */

/* Where the word under the cursor stands. */
struct place {
	const struct argp_option *value_of; /* NULL: it is no option's value */
	bool takes_options;                 /* no "--" yet */
	unsigned arguments;                 /* before it, that are no options */
};

/* Calls `each` for the options that the help has, until it returns true. Returns that option. */
static const struct argp_option *
walk_options(const struct argp *parser,
	     bool (*each)(const struct argp_option *option, const void *own), const void *own)
{
	const struct argp_option *list[OPTIONS_MAX];
	unsigned count = option_rules_list(parser, list);

	for (unsigned i = 0; i < count; i++)
		if (!(list[i]->flags & OPTION_HIDDEN) && each(list[i], own))
			return list[i];
	return NULL;
}

/* What the arguments that are no options are called, in their order: "EXPRESSION [VM]". */
static void collect_arguments(const struct argp *parser, char text[ARGUMENTS_SIZE])
{
	size_t length = strlen(text);

	if (parser->args_doc)
		snprintf(text + length, ARGUMENTS_SIZE - length, "%s ", parser->args_doc);
	for (const struct argp_child *child = parser->children; child && child->argp; child++)
		collect_arguments(child->argp, text);
}

/* "--name" or "--name=VALUE" */
static bool is_long(const struct argp_option *option, const void *own)
{
	const char *name = (const char *)own + 2;
	size_t length = strcspn(name, "=");

	return strlen(option->name) == length && strncmp(name, option->name, length) == 0;
}

static bool is_letter(const struct argp_option *option, const void *own)
{
	return option->key == *(const char *)own;
}

/* "-ab": letters of options; what follows one with a value is its value. */
static const struct argp_option *value_after_letters(const struct argp *parser, const char *letters)
{
	for (; *letters; letters++) {
		const struct argp_option *option = walk_options(parser, is_letter, letters);

		if (option && option->arg)
			return letters[1] ? NULL : option;
	}
	return NULL;
}

/* Goes past a word before the cursor. */
static void pass_word(const struct argp *parser, struct place *place, const char *word)
{
	const struct argp_option *option;

	if (place->value_of) {
		place->value_of = NULL;
	} else if (!place->takes_options || word[0] != '-' || word[1] == '\0') {
		place->arguments++;
	} else if (word[1] != '-') {
		place->value_of = value_after_letters(parser, word + 1);
	} else if (word[2] == '\0') {
		place->takes_options = false;
	} else if (!strchr(word, '=')) {
		option = walk_options(parser, is_long, word);
		place->value_of = option && option->arg ? option : NULL;
	}
}

static bool offer_option(const struct argp_option *option, const void *own)
{
	(void)own;
	printf("--%s%s\t%s\n", option->name, option->arg ? "=" : "", option->doc);
	return false;
}

/*
 * Of "FRAME... [VM]" the first argument can only be the first of these; the second, and those after it, can be either.
 */
static void offer_arguments(const struct argp *parser, unsigned place,
			    struct completion *completion)
{
	char text[ARGUMENTS_SIZE] = "", *state = NULL;
	bool repeats = false;
	unsigned index = 0;

	collect_arguments(parser, text);
	for (char *name = strtok_r(text, " ", &state); name; name = strtok_r(NULL, " ", &state)) {
		repeats |= strstr(name, "...") != NULL;
		if (index == place || (index < place && repeats))
			completion_offer_value(completion, name);
		index++;
	}
}

static void offer_at(const struct argp *parser, const struct place *place,
		     struct completion *completion)
{
	const struct argp_option *option = place->value_of;
	const char *word = completion->word;
	bool is_option = !option && place->takes_options && word[0] == '-';
	const char *value = is_option ? strchr(word, '=') : NULL;

	if (value) {
		completion->prefix_size = (int)(value + 1 - word);
		option = walk_options(parser, is_long, word);
	}
	if (option)
		completion_offer_value(completion, option->arg ? option->arg : "");
	else if (is_option)
		walk_options(parser, offer_option, NULL);
	else
		offer_arguments(parser, place->arguments, completion);
}

/* The last line: see completion.h. */
static void print_end(const struct completion *completion)
{
	static const char *const texts[] = {
		[COMPLETION_NO_FILES] = "words",
		[COMPLETION_FILES] = "files",
		[COMPLETION_CAPTURES] = "captures",
	};

	printf("%s %.*s\n", texts[completion->files], completion->prefix_size, completion->word);
}

/* The one whose arguments are completed. */
static const struct command *completed;

/* Prints the candidates for the arguments that the parser has not seen yet. */
static void complete(const struct argp_state *state)
{
	struct completion completion = {.command = completed->name,
					.word = state->argv[state->argc - 1]};
	struct place place = {.takes_options = true};

	for (int i = state->next; i < state->argc - 1; i++)
		pass_word(state->root_argp, &place, state->argv[i]);
	offer_at(state->root_argp, &place, &completion);
	print_end(&completion);
	exit(session_flush(STATUS_OK));
}

static void print_commands(const char *word)
{
	struct completion completion = {.word = word};

	if (word[0] == '-')
		printf("--help\t\n--version\t\n");
	else
		completion_offer_value(&completion, "COMMAND");
	print_end(&completion);
}

int completion_main(int argc, char **argv)
{
	const struct command *command = argc > 3 ? command_table_find(argv[2]) : NULL;
	char option[] = "--" OPTIONS_COMPLETE;

	if (command) {
		options_complete = complete;
		completed = command;
		argv[2] = option;
		return command_table_run(command, argc - 1, argv + 1);
	}
	if (argc <= 3)
		print_commands(argc == 3 ? argv[2] : "");
	return session_flush(STATUS_OK);
}
