/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Options that would have no effect with the others given. A command lists them in a table, and whoever gives one is
 * refused in one line. An option that asks for what happens anyway is none of them.
 *
 *     static const struct option_rule rules[] = {
 *             {"interval|lines", OPTION_NEEDS, "follow", "without it stat looks once"},
 *             {"fields|limit", OPTION_IDLE_WITH, "count", "it lists no frames"},
 *             {"names", OPTION_LEAVES_ONLY, "", "it looks at no VM"},
 *             {0}};
 */
#ifndef VMM_OPTION_RULES_H
#define VMM_OPTION_RULES_H

#include <argp.h>

/* The most that a command may have, with those of all commands. */
#define OPTIONS_MAX 64

enum option_relation {
	OPTION_NEEDS,       /* has no effect without one of the others */
	OPTION_IDLE_WITH,   /* has none with any of the others */
	OPTION_LEAVES_ONLY, /* the others alone, and those of all commands, have an effect with it */
};

struct option_rule {
	const char *options; /* names, with bars between them; NULL ends a table */
	enum option_relation relation;
	const char *others;
	const char *why;
};

/* Lists the options of a parser and its children that have a name, hidden ones as well. Returns their number. */
unsigned option_rules_list(const struct argp *parser, const struct argp_option *list[OPTIONS_MAX]);

/* Once all arguments are parsed: notes which options were given, and reports the first that breaks a rule as argp does. */
void option_rules_judge(const struct argp *parser, const struct option_rule *rules,
			const struct argp_state *state);

/* The first option noted that is one of these, with bars between them, or NULL. */
const char *option_rules_given(const char *names);

#endif
