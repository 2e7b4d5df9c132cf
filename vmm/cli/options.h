/* SPDX-License-Identifier: MPL-2.0 */
/* Parses a command's arguments, with the options that all commands have. */
#ifndef VMM_CLI_OPTIONS_H
#define VMM_CLI_OPTIONS_H

#include <argp.h>

#include "cli/option_rules.h"
#include "view/answer.h"

/*
 * As argp_parse with this parser and its input. Prints and exits on --help, and on an error with STATUS_BAD_INPUT.
 * --no-sandbox turns the sandbox off, after a line on standard error.
 */
void options_parse(const struct argp *parser, int argc, char **argv, void *input);

/* The same with rules about which options have an effect together. */
void options_parse_ruled(const struct argp *parser, const struct option_rule *rules, int argc,
			 char **argv, void *input);

/*
 * The form of an answer that the arguments after argv[0] ask for, also if no parser comes to them: --json, -j, --jsonl. Of a
 * wrong command, and of errors before one is known.
 */
enum answer_form options_answer_form(int argc, char **argv);

/* A command's own option, for completion alone, that the help leaves out: the words come after it. */
#define OPTIONS_COMPLETE "_complete"

/* What it does, with the arguments that the parser has not seen yet; it ends the process. NULL: there is no such option. */
extern void (*options_complete)(const struct argp_state *state);

#endif
