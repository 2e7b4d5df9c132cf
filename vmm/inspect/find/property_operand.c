/* SPDX-License-Identifier: MPL-2.0 */
/* The names in an expression that only one kind of guest has: see parser.h. */
#include <stdio.h>
#include <string.h>

#include "inspect/find/parser.h"
#include "kind/guest.h"

#define LIST_SIZE 200 /* of a list of names in an error */

static const struct property_ops *ops_of(const struct parser *parser)
{
	return parser->guest->kind->properties;
}

static bool has_value_names(const struct parser *parser, unsigned property)
{
	const struct property_ops *ops = ops_of(parser);

	for (unsigned value = 0; ops->value_name && value < PROPERTY_VALUES_MAX; value++)
		if (ops->value_name(parser->guest, property, value))
			return true;
	return false;
}

bool parse_property(struct parser *parser)
{
	const struct property_ops *ops = ops_of(parser);
	char name[PROPERTY_NAME_SIZE];

	for (unsigned i = 0; ops && i < ops->count; i++) {
		if (!ops->name(parser->guest, i, name) || !parser_token_is(parser, name))
			continue;
		if (parser->expression->detail < DETAIL_RECORD)
			parser->expression->detail = DETAIL_RECORD;
		parser_emit(parser, OP_PROPERTY, i, 1);
		parser->named = has_value_names(parser, i) ? (int)i : -1;
		parser_advance(parser);
		return true;
	}
	return false;
}

void guess_property(const struct parser *parser, struct name_guess *guess)
{
	const struct property_ops *ops = ops_of(parser);
	char name[PROPERTY_NAME_SIZE];

	for (unsigned i = 0; ops && i < ops->count; i++)
		if (ops->name(parser->guest, i, name))
			name_guess_try(guess, name);
}

/* Adds a name behind others. Names that do not fit are left out, which the list's size forbids. */
static void add_name(char *names, size_t size, const char *name)
{
	size_t used = strlen(names);

	snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

/* Whether the current token is a name of this prefix, which ends with a dot. */
static bool is_prefixed(const struct parser *parser, const char *prefix)
{
	size_t length = strlen(prefix);

	return parser->token.length >= length && memcmp(parser->token.text, prefix, length) == 0;
}

/* "flags." of "flags.lru", or "". */
static void prefix_of(const char *name, char prefix[PROPERTY_NAME_SIZE])
{
	const char *dot = strchr(name, '.');

	snprintf(prefix, PROPERTY_NAME_SIZE, "%.*s", dot ? (int)(dot + 1 - name) : 0, name);
}

bool list_properties(const struct parser *parser, char *names, size_t size)
{
	const struct property_ops *ops = ops_of(parser);
	char name[PROPERTY_NAME_SIZE], prefix[PROPERTY_NAME_SIZE], last[PROPERTY_NAME_SIZE] = "";
	bool has_asked = false;

	names[0] = '\0';
	/* Of flags.X somebody wants the flags, and nothing else. */
	for (unsigned i = 0; ops && i < ops->count; i++) {
		if (!ops->name(parser->guest, i, name))
			continue;
		prefix_of(name, prefix);
		if (!*prefix || !is_prefixed(parser, prefix))
			continue;
		add_name(names, size, has_asked ? name + strlen(prefix) : name);
		has_asked = true;
	}
	for (unsigned i = 0; ops && !has_asked && i < ops->count; i++) {
		if (!ops->name(parser->guest, i, name))
			continue;
		prefix_of(name, prefix);
		if (*prefix && strcmp(prefix, last) == 0)
			continue;
		strcpy(last, prefix);
		/* One stands for all of a prefix. */
		if (*prefix)
			snprintf(name, sizeof(name), "%.*sNAME", PROPERTY_NAME_SIZE - 5, prefix);
		add_name(names, size, name);
	}
	return !has_asked;
}

void parse_value_name(struct parser *parser)
{
	const struct property_ops *ops = ops_of(parser);
	unsigned property = (unsigned)parser->named;
	char names[LIST_SIZE] = "", quoted[64], name[PROPERTY_NAME_SIZE] = "";

	parser->named = -1;
	parser->comparison = NULL;
	for (unsigned value = 0; value < PROPERTY_VALUES_MAX; value++) {
		const char *found = ops->value_name(parser->guest, property, value);

		if (found && parser_token_is(parser, found)) {
			parser_emit_number(parser, value);
			parser_advance(parser);
			return;
		}
		if (found)
			add_name(names, sizeof(names), found);
	}
	ops->name(parser->guest, property, name);
	refuse(parser, parser->token.column, "%s is no %s; there are %s",
	       parser_token_quoted(parser, quoted, sizeof(quoted)), name, names);
}
