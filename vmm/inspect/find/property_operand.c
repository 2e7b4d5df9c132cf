/* SPDX-License-Identifier: MPL-2.0 */
/* The names in an expression that only one kind of guest has: see parser.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/find/parser.h"
#include "kind/breakdown.h"
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

static bool has_owners(const struct parser *parser, unsigned property)
{
	const struct property_ops *ops = ops_of(parser);

	return ops->has_owners && ops->has_owners(property);
}

bool parse_property(struct parser *parser)
{
	const struct property_ops *ops = ops_of(parser);
	char name[PROPERTY_NAME_SIZE];

	for (unsigned i = 0; ops && i < ops->count; i++) {
		if (has_owners(parser, i) || !ops->name(parser->guest, i, name) ||
		    !parser_token_is(parser, name))
			continue;
		if (parser->expression->detail < DETAIL_RECORD)
			parser->expression->detail = DETAIL_RECORD;
		parser_emit(parser, OP_PROPERTY, i, 1);
		enum breakdown_by by;

		parser->named = has_value_names(parser, i) ? (int)i : -1;
		parser->keyed = ops->breakdown && ops->breakdown(i, &by) ? (int)i : -1;
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

/* Adds the keys of all rows that have such a name. Returns false if there are too many, or no row has any name. */
static bool add_keys(struct parser *parser, const struct breakdown *rows, const char *pattern,
		     unsigned column)
{
	struct expression *expression = parser->expression;
	struct expression_set *set = &expression->sets[expression->set_count];
	bool has_names = rows->row_count == 0;

	*set = (struct expression_set){.first = expression->key_count};
	for (uint64_t i = 0; i < rows->row_count; i++) {
		const struct breakdown_row *row = &rows->rows[i];

		has_names |= row->name != NULL;
		if (!breakdown_row_is_named(row, pattern))
			continue;
		if (expression->key_count == EXPRESSION_KEYS_MAX) {
			refuse(parser, column, "more than %u names match; write a narrower one",
			       EXPRESSION_KEYS_MAX);
			return false;
		}
		expression->keys[expression->key_count++] = row->key;
		set->count++;
	}
	if (!has_names)
		refuse(parser, column, "what has names is not in this memory");
	qsort(&expression->keys[set->first], set->count, sizeof(uint64_t), expression_compare_keys);
	return has_names;
}

void parse_text(struct parser *parser, enum operation code)
{
	struct expression *expression = parser->expression;
	const unsigned column = parser->token.column, length = parser->token.length;
	char pattern[EXPRESSION_LENGTH_MAX], quoted[64];
	struct breakdown rows;
	enum breakdown_by by;
	struct error err;

	if (parser->token.kind != TOKEN_TEXT) {
		refuse(parser, column, "a name belongs in double quotes here: %s",
		       parser_token_quoted(parser, quoted, sizeof(quoted)));
		return;
	}
	if (expression->set_count == EXPRESSION_SETS_MAX) {
		refuse(parser, column, "at most %u texts are possible", EXPRESSION_SETS_MAX);
		return;
	}
	snprintf(pattern, sizeof(pattern), "%.*s", (int)length - 2, parser->token.text + 1);
	ops_of(parser)->breakdown((unsigned)parser->keyed, &by);
	parser->keyed = -1;
	parser->comparison = NULL;
	if (guest_breakdown(parser->guest, by, UINT64_MAX, &rows, &err) < 0) {
		refuse(parser, column, "%s", err.text);
	} else if (add_keys(parser, &rows, pattern, column)) {
		if (expression->sets[expression->set_count].count == 0 &&
		    !expression->unnamed_column)
			expression->unnamed_column = column;
		parser_emit(parser, code == OP_EQUAL ? OP_AMONG : OP_NOT_AMONG,
			    expression->set_count++, 0);
	}
	breakdown_free(&rows);
	parser_advance(parser);
}

/* The property that the current token names, if a frame can have several of it; -1: it does not. */
static int owner_property(const struct parser *parser)
{
	const struct property_ops *ops = ops_of(parser);
	char name[PROPERTY_NAME_SIZE];

	for (unsigned i = 0; ops && i < ops->count; i++)
		if (has_owners(parser, i) && ops->name(parser->guest, i, name) &&
		    parser_token_is(parser, name))
			return (int)i;
	return -1;
}

bool parser_is_owner(const struct parser *parser)
{
	return owner_property(parser) >= 0;
}

/* What stands behind the operator, and its frames. */
static void parse_owner(struct parser *parser, unsigned property, enum operation code)
{
	struct expression *expression = parser->expression;
	const struct guest *guest = parser->guest;
	struct frame_set *frames = &expression->owners[expression->owner_count];
	char pattern[EXPRESSION_LENGTH_MAX], quoted[64];
	struct property_owner owner = {.number = parser->token.number};
	struct error err;

	if (parser->token.kind == TOKEN_TEXT) {
		snprintf(pattern, sizeof(pattern), "%.*s", (int)parser->token.length - 2,
			 parser->token.text + 1);
		owner.pattern = pattern;
	} else if (parser->token.kind != TOKEN_NUMBER) {
		refuse(parser, parser->token.column,
		       "a name in double quotes or a number belongs here, not %s",
		       parser_token_quoted(parser, quoted, sizeof(quoted)));
		return;
	}
	if (expression->owner_count == EXPRESSION_OWNERS_MAX) {
		refuse(parser, parser->token.column, "at most %u such comparisons are possible",
		       EXPRESSION_OWNERS_MAX);
		return;
	}
	struct memory_budget *budget = guest->memory ? guest->memory->budget : NULL;

	if (frame_set_begin(frames, guest->frame_count, budget, &err) < 0 ||
	    ops_of(parser)->frames(guest, property, &owner, frames, &err) < 0)
		refuse(parser, parser->token.column, "%s", err.text);
	parser_emit(parser, code, expression->owner_count++, 1);
	parser_advance(parser);
}

bool parse_owner_comparison(struct parser *parser)
{
	const int property = owner_property(parser);
	char name[PROPERTY_NAME_SIZE] = "";

	if (property < 0)
		return false;
	ops_of(parser)->name(parser->guest, (unsigned)property, name);
	parser_advance(parser);
	parser->named = parser->keyed = -1;
	parser->comparison = parser->token.text;
	parser->compares_names = true;
	const bool is_equal = parser->token.kind == TOKEN_EQUAL;

	if (!is_equal && parser->token.kind != TOKEN_UNEQUAL) {
		refuse(parser, parser->token.column,
		       "%s is compared with a name or a number: == or != is needed here", name);
		return true;
	}
	parser_advance(parser);
	parse_owner(parser, (unsigned)property, is_equal ? OP_OWNED : OP_NOT_OWNED);
	return true;
}
