/* SPDX-License-Identifier: MPL-2.0 */
/* Options without an effect: see option_rules.h. */
#include "cli/option_rules.h"

#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of getopt's for an option in the list; letters are below. */
#define INDEX_BASE 0x10000

/* The names of options given, each once. The arguments of a process are parsed once. */
static struct {
	const char *names[OPTIONS_MAX];
	unsigned count;
} given;

static bool is_last(const struct argp_option *option)
{
	return !option->name && !option->key && !option->doc && !option->group;
}

static unsigned add_options(const struct argp *parser, const struct argp_option **list,
			    unsigned count)
{
	for (const struct argp_option *option = parser->options; option && !is_last(option);
	     option++)
		if (option->name && count < OPTIONS_MAX)
			list[count++] = option;
	for (const struct argp_child *child = parser->children; child && child->argp; child++)
		count = add_options(child->argp, list, count);
	return count;
}

unsigned option_rules_list(const struct argp *parser, const struct argp_option *list[OPTIONS_MAX])
{
	return add_options(parser, list, 0);
}

/* Whether names with bars between them have this one. */
static bool has_name(const char *names, const char *name)
{
	size_t length = strlen(name);

	for (; *names; names += names[0] == '|') {
		size_t next = strcspn(names, "|");

		if (next == length && memcmp(names, name, length) == 0)
			return true;
		names += next;
	}
	return false;
}

const char *option_rules_given(const char *names)
{
	for (unsigned i = 0; i < given.count; i++)
		if (has_name(names, given.names[i]))
			return given.names[i];
	return NULL;
}

static void note(const char *name)
{
	if (!option_rules_given(name))
		given.names[given.count++] = name;
}

static bool has_letter(const struct argp_option *option)
{
	return option->key > 0 && option->key < 0x80 && isalnum(option->key);
}

/* As argp, which has accepted these arguments, so nothing is wrong with them; but argp tells only the option's parser. */
static void note_given(const struct argp *parser, const struct argp_state *state)
{
	const struct argp_option *list[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1] = {0};
	char letters[2 * OPTIONS_MAX + 1];
	unsigned count = option_rules_list(parser, list);
	size_t length = 0;
	int found;

	for (unsigned i = 0; i < count; i++) {
		int takes = list[i]->arg ? required_argument : no_argument;

		longs[i] = (struct option){list[i]->name, takes, NULL, INDEX_BASE + (int)i};
		if (!has_letter(list[i]))
			continue;
		letters[length++] = (char)list[i]->key;
		if (list[i]->arg)
			letters[length++] = ':';
	}
	letters[length] = '\0';
	given.count = 0;
	optind = 0;
	opterr = 0;
	while ((found = getopt_long(state->argc, state->argv, letters, longs, NULL)) >= 0)
		for (unsigned i = 0; i < count; i++)
			if (found == INDEX_BASE + (int)i || found == list[i]->key)
				note(list[i]->name);
}

/* The first option that the rule leaves without an effect, or NULL. */
static const char *find_idle(const struct option_rule *rule)
{
	const char *option = option_rules_given(rule->options);
	const char *other = option_rules_given(rule->others);

	switch (rule->relation) {
	case OPTION_NEEDS:
		return other ? NULL : option;
	case OPTION_IDLE_WITH:
		return other ? option : NULL;
	case OPTION_LEAVES_ONLY:
		for (unsigned i = 0; option && i < given.count; i++)
			if (!has_name(rule->options, given.names[i]) &&
			    !has_name(rule->others, given.names[i]))
				return given.names[i];
		break;
	}
	return NULL;
}

static void report(const struct option_rule *rule, const char *idle, const struct argp_state *state)
{
	if (rule->relation == OPTION_NEEDS)
		argp_error(state, "--%s needs --%.*s: %s", idle, (int)strcspn(rule->others, "|"),
			   rule->others, rule->why);
	else
		argp_error(state, "--%s has no effect with --%s: %s", idle,
			   option_rules_given(rule->relation == OPTION_IDLE_WITH ? rule->others
										 : rule->options),
			   rule->why);
}

void option_rules_judge(const struct argp *parser, const struct option_rule *rules,
			const struct argp_state *state)
{
	note_given(parser, state);
	for (; rules && rules->options; rules++) {
		const char *idle = find_idle(rules);

		if (idle)
			report(rules, idle, state);
	}
}
