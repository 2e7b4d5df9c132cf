/* SPDX-License-Identifier: MPL-2.0 */
/* The names in an expression: see parser.h. */
#include "inspect/find/parser.h"

#include <stdio.h>
#include <string.h>

#include "base/name_guess.h"
#include "kind/guest.h"
#include "memory/residency.h"

#define NAMES_SIZE     300 /* of a list of names in an error */
#define OWN_NAMES_SIZE 512 /* of those that only one kind has */

/* Adds a name to a list in an error. Returns false if there is no room. */
static bool list_name(char *names, size_t size, const char *name)
{
	size_t used = strlen(names);
	int length = snprintf(names + used, size - used, " %s", name);

	if (length >= 0 && (size_t)length < size - used)
		return true;
	names[used] = '\0';
	return false;
}

/* What the current token may have been meant to be. */
static struct name_guess parser_guess(const struct parser *parser)
{
	char word[NAME_GUESS_SIZE];

	snprintf(word, sizeof(word), "%.*s",
		 parser->token.length < sizeof(word) ? (int)parser->token.length : 0,
		 parser->token.text);
	return name_guess_of(word);
}

/* Raises the detail that the expression needs of a frame. */
static void need(struct parser *parser, enum frame_detail detail)
{
	if (parser->expression->detail < detail)
		parser->expression->detail = detail;
}

static const char *type_name(const struct guest *guest, unsigned type)
{
	return guest->types[type].name;
}

/* The names that `type` or `state` can be compared with. */
struct name_set {
	unsigned count;
	const char *(*name)(const struct guest *guest, unsigned index);
	const char *broken;      /* one more name, for what no operation of the guest leads to */
	uint16_t broken_operand; /* what that is compared with */
	enum operation is_equal, is_unequal;
	const char *what; /* for an error */
	const char *all;  /* for an error, before the list of names */
	const char *more; /* how to list them if they do not fit */
};

static void refuse_name(struct parser *parser, const struct name_set *set)
{
	struct name_guess guess = parser_guess(parser);
	char names[NAMES_SIZE] = "", quoted[64];
	bool fits = true;

	for (unsigned i = 0; i < set->count; i++) {
		fits = fits && list_name(names, sizeof(names), set->name(parser->guest, i));
		name_guess_try(&guess, set->name(parser->guest, i));
	}
	fits = fits && list_name(names, sizeof(names), set->broken);
	name_guess_try(&guess, set->broken);
	refuse(parser, parser->token.column, "%s is not %s%s %s%s%s",
	       parser_token_quoted(parser, quoted, sizeof(quoted)), set->what,
	       name_guess_name(&guess) ? name_guess_text(&guess) : ";", fits ? set->all : set->more,
	       fits ? ":" : "", fits ? names : "");
}

/* Returns false if the set has no such name. */
static bool name_find(const struct parser *parser, const struct name_set *set, unsigned *operand)
{
	for (unsigned i = 0; i < set->count; i++)
		if (parser_token_is(parser, set->name(parser->guest, i))) {
			*operand = i;
			return true;
		}
	*operand = set->broken_operand;
	return parser_token_is(parser, set->broken);
}

static void name(struct parser *parser, const struct name_set *set, bool is_equal)
{
	unsigned operand;

	if (!name_find(parser, set, &operand)) {
		refuse_name(parser, set);
		return;
	}
	parser_emit(parser, is_equal ? set->is_equal : set->is_unequal, operand, 1);
	parser_advance(parser);
}

void parse_named_comparison(struct parser *parser)
{
	const struct name_set types = {
		.count = parser->guest->type_count,
		.name = type_name,
		.broken = "wild",
		.broken_operand = (uint16_t)FRAME_TYPE_WILD,
		.is_equal = OP_TYPE_IS,
		.is_unequal = OP_TYPE_IS_NOT,
		.what = "a type of this guest",
		.all = "its types are",
		.more = "pagevisor types lists them all, and wild is a frame of none of them",
	};
	const struct name_set states = {
		.count = parser->guest->kind->state_count,
		.name = guest_state_name,
		.broken = "broken",
		.broken_operand = STATE_BROKEN,
		.is_equal = OP_STATE_IS,
		.is_unequal = OP_STATE_IS_NOT,
		.what = "a state",
		.all = "the states are",
		.more = "pagevisor stat lists them all",
	};
	bool is_type = parser_token_is(parser, "type");

	parser_advance(parser);
	parser->comparison = parser->token.text;
	parser->compares_names = true;
	bool is_equal = parser->token.kind == TOKEN_EQUAL;

	if (!is_equal && parser->token.kind != TOKEN_UNEQUAL) {
		refuse(parser, parser->token.column,
		       "%s is compared with a name: == or != is needed here",
		       is_type ? "type" : "state");
		return;
	}
	parser_advance(parser);
	if (is_type)
		need(parser, DETAIL_TYPE);
	name(parser, is_type ? &types : &states, is_equal);
}

static bool find_handles(struct parser *parser, struct expression_field *field)
{
	const struct field_resolver *resolver = &parser->expression->resolver;
	bool has_any = false;

	for (unsigned i = 0; i < FRAME_TYPES_MAX; i++)
		field->handles[i] = -1;
	for (unsigned i = 0; i < parser->guest->type_count; i++) {
		field->handles[i] = resolver->resolve(resolver->own, i, field->name);
		has_any |= field->handles[i] >= 0;
	}
	return has_any;
}

/* The index of a field among those of the expression; resolves a new one. */
static unsigned field_index(struct parser *parser, const char *name)
{
	struct expression *expression = parser->expression;
	struct expression_field *field = &expression->fields[expression->field_count];
	unsigned column = parser->token.column;

	for (unsigned i = 0; i < expression->field_count; i++)
		if (strcmp(expression->fields[i].name, name) == 0)
			return i;
	if (expression->field_count == EXPRESSION_FIELDS_MAX) {
		refuse(parser, column, "at most %u different fields are possible",
		       EXPRESSION_FIELDS_MAX);
		return 0;
	}
	strcpy(field->name, name);
	if (!expression->resolver.resolve)
		refuse(parser, column, "meta.%s: the fields of this guest's types are not known",
		       name);
	else if (expression->resolver.why)
		refuse(parser, column,
		       "meta.%s: the fields of this guest's types are not known: %s", name,
		       expression->resolver.why);
	else if (!find_handles(parser, field))
		refuse(parser, column, "no type of this guest has a field meta.%s that is a number",
		       name);
	return expression->field_count++;
}

#define META_PREFIX "meta."

static void meta_field(struct parser *parser)
{
	const struct token *token = &parser->token;
	unsigned prefix = sizeof(META_PREFIX) - 1;
	char name[FIELD_NAME_MAX];

	if (token->length == prefix || token->length - prefix >= sizeof(name) ||
	    token->text[token->length - 1] == '.' ||
	    memmem(token->text, token->length, "..", 2) != NULL) {
		refuse(parser, token->column,
		       "a field is meta.NAME or meta.NAME.NAME, of up to %u characters",
		       FIELD_NAME_MAX - 1);
		return;
	}
	memcpy(name, token->text + prefix, token->length - prefix);
	name[token->length - prefix] = '\0';
	need(parser, DETAIL_RECORD);
	unsigned index = field_index(parser, name);

	parser_emit(parser, OP_FIELD, index, 1);
}

static bool is_promised(const struct kind *kind, enum operation code)
{
	return code == OP_REFS         ? kind->has_references
	       : code == OP_GENERATION ? kind->has_generations
				       : true;
}

/* "type, state, ref" of what can be asked for: without what guests of the kind do not have. */
static void list_operands(const struct kind *kind, char *names, size_t size)
{
	snprintf(names, size, "type, state, broken, free, resident, %s%spfn%s",
		 kind->has_references ? "ref, " : "", kind->has_generations ? "generation, " : "",
		 kind->type_marks ? ", addr and meta.FIELD" : " and addr");
}

/* Operands by their names, beside meta.FIELD. */
static const struct {
	const char *name;
	enum operation code;
} words[] = {
	{"ref", OP_REFS},          {"refs", OP_REFS},     {"references", OP_REFS},
	{"gen", OP_GENERATION},    {"pfn", OP_PFN},       {"generation", OP_GENERATION},
	{"addr", OP_ADDRESS},      {"broken", OP_BROKEN}, {"free", OP_FREE},
	{"resident", OP_RESIDENT},
};

bool expression_is_operand(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, word) == 0)
			return true;
	return false;
}

static bool knows_residency(const struct guest *guest)
{
	return guest->memory && residency_is_known(guest->memory);
}

void parse_name(struct parser *parser)
{
	const struct token *token = &parser->token;
	char quoted[64], names[NAMES_SIZE];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!parser_token_is(parser, words[i].name))
			continue;
		if (!is_promised(parser->guest->kind, words[i].code)) {
			refuse(parser, token->column, "guests of the kind %s have no %s",
			       parser->guest->kind->name, words[i].name);
			return;
		}
		if (words[i].code == OP_BROKEN)
			need(parser, DETAIL_TYPE);
		if (words[i].code == OP_RESIDENT && !knows_residency(parser->guest)) {
			refuse(parser, token->column,
			       "which frames are resident is only known while the guest runs");
			return;
		}
		parser_emit(parser, words[i].code, 0, 1);
		parser_advance(parser);
		return;
	}
	if (token->length >= strlen(META_PREFIX) &&
	    memcmp(token->text, META_PREFIX, strlen(META_PREFIX)) == 0) {
		meta_field(parser);
		parser_advance(parser);
	} else if (parse_property(parser)) {
		return;
	} else if (parser_token_is(parser, "type") || parser_token_is(parser, "state") ||
		   parser_is_owner(parser)) {
		refuse(parser, token->column,
		       "%.*s belongs on the left of == or !=; parentheses "
		       "around the comparison may be missing",
		       (int)token->length, token->text);
	} else {
		struct name_guess guess = parser_guess(parser);
		char own[OWN_NAMES_SIZE];

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (is_promised(parser->guest->kind, words[i].code))
				name_guess_try(&guess, words[i].name);
		guess_property(parser, &guess);
		names[0] = '\0';
		if (list_properties(parser, own, sizeof(own)))
			list_operands(parser->guest->kind, names, sizeof(names));
		refuse(parser, token->column, "what is %s%s There are %s%s%s",
		       parser_token_quoted(parser, quoted, sizeof(quoted)),
		       name_guess_name(&guess) ? name_guess_text(&guess) : "?", own,
		       *own && *names ? ", and of all guests " : "", names);
	}
}
