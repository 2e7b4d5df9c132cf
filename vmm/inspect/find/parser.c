/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compiles expressions: recursive descent, one function for each level of precedence. Each writes the operations in the
 * order in which they are carried out.
 *
 * The first error is kept. From then on every token is the end of the text, so the functions need not pass the error
 * on. The depth, the operations and the height of the stack are bounded.
 */
#include "inspect/find/expression.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inspect/find/operations.h"
#include "inspect/find/token.h"
#include "kind/guest.h"

struct parser {
	const char *text;
	const struct guest *guest;
	struct expression *expression;
	struct error *err;
	struct token token; /* the current one */
	unsigned depth;
	unsigned height; /* values on the stack, after the operations so far */
	int result;
};

#define NAMES_SIZE 256 /* of a list of names in an error */

static void fail(struct parser *parser)
{
	parser->result = -EINVAL;
	parser->token.kind = TOKEN_END;
}

/* "column N: " and a text; a macro, so that the compiler checks the format. */
#define refuse(parser, column, format, ...)                                                        \
	do {                                                                                       \
		if ((parser)->result == 0)                                                         \
			error_set((parser)->err, -EINVAL, "column %u: " format,                    \
				  (column)__VA_OPT__(, ) __VA_ARGS__);                             \
		fail(parser);                                                                      \
	} while (0)

static void advance(struct parser *parser)
{
	const struct token *token = &parser->token;

	if (parser->result == 0 &&
	    token_read(parser->text, token->text + token->length, &parser->token, parser->err) < 0)
		fail(parser);
}

static bool token_is(const struct parser *parser, const char *word)
{
	const struct token *token = &parser->token;

	return token->kind == TOKEN_NAME && strlen(word) == token->length &&
	       memcmp(token->text, word, token->length) == 0;
}

/* The current token in quotes, or "the end", for an error. */
static const char *token_quoted(const struct parser *parser, char *buffer, size_t size)
{
	const struct token *token = &parser->token;

	if (token->kind == TOKEN_END)
		return "the end";
	snprintf(buffer, size, "\"%.*s\"", token->length < 40 ? (int)token->length : 40,
		 token->text);
	return buffer;
}

/* Writes an operation that leaves `growth` more values on the stack; returns its index. */
static unsigned emit(struct parser *parser, enum operation code, unsigned operand, int growth)
{
	struct expression *expression = parser->expression;

	parser->height += (unsigned)growth;
	if (expression->op_count == EXPRESSION_OPS_MAX || parser->height > EXPRESSION_STACK_MAX) {
		refuse(parser, parser->token.column,
		       "the expression is too long; at most %u "
		       "operations and operands are possible",
		       EXPRESSION_OPS_MAX);
		return 0;
	}
	expression->ops[expression->op_count] =
		(struct expression_op){.code = (uint16_t)code, .operand = (uint16_t)operand};
	return expression->op_count++;
}

static void emit_number(struct parser *parser, uint64_t number)
{
	struct expression *expression = parser->expression;

	/* An expression has an operation between any two numbers, so it has no more numbers than this. */
	if (expression->number_count < sizeof(expression->numbers) / sizeof(uint64_t)) {
		expression->numbers[expression->number_count] = number;
		emit(parser, OP_NUMBER, expression->number_count++, 1);
	} else {
		refuse(parser, parser->token.column, "the expression has too many numbers");
	}
}

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
	enum operation is_equal, is_unequal;
	const char *what; /* for an error, before the list of names */
};

static void refuse_name(struct parser *parser, const struct name_set *set)
{
	char names[NAMES_SIZE] = "", quoted[64];

	for (unsigned i = 0; i < set->count; i++)
		if (!list_name(names, sizeof(names), set->name(parser->guest, i)))
			break;
	refuse(parser, parser->token.column, "%s is not %s:%s",
	       token_quoted(parser, quoted, sizeof(quoted)), set->what, names);
}

static void name(struct parser *parser, const struct name_set *set, bool is_equal)
{
	for (unsigned i = 0; i < set->count; i++) {
		if (!token_is(parser, set->name(parser->guest, i)))
			continue;
		emit(parser, is_equal ? set->is_equal : set->is_unequal, i, 1);
		advance(parser);
		return;
	}
	refuse_name(parser, set);
}

/* A comparison with a name: `type == page_table`, `state != unused`. */
static void named_comparison(struct parser *parser)
{
	const struct name_set types = {parser->guest->type_count, type_name, OP_TYPE_IS,
				       OP_TYPE_IS_NOT, "a type of this guest; its types are"};
	const struct name_set states = {parser->guest->kind->state_count, guest_state_name,
					OP_STATE_IS, OP_STATE_IS_NOT, "a state; the states are"};
	bool is_type = token_is(parser, "type");

	advance(parser);
	bool is_equal = parser->token.kind == TOKEN_EQUAL;

	if (!is_equal && parser->token.kind != TOKEN_UNEQUAL) {
		refuse(parser, parser->token.column,
		       "%s is compared with a name: == or != is needed here",
		       is_type ? "type" : "state");
		return;
	}
	advance(parser);
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

	emit(parser, OP_FIELD, index, 1);
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
	snprintf(names, size, "type, state, %s%spfn%s", kind->has_references ? "ref, " : "",
		 kind->has_generations ? "generation, " : "",
		 kind->type_marks ? ", addr and meta.FIELD" : " and addr");
}

static void name_operand(struct parser *parser)
{
	static const struct {
		const char *name;
		enum operation code;
	} words[] = {
		{"ref", OP_REFS},     {"gen", OP_GENERATION},
		{"pfn", OP_PFN},      {"generation", OP_GENERATION},
		{"addr", OP_ADDRESS},
	};
	const struct token *token = &parser->token;
	char quoted[64], names[NAMES_SIZE];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!token_is(parser, words[i].name))
			continue;
		if (!is_promised(parser->guest->kind, words[i].code)) {
			refuse(parser, token->column, "guests of the kind %s have no %s",
			       parser->guest->kind->name, words[i].name);
			return;
		}
		emit(parser, words[i].code, 0, 1);
		advance(parser);
		return;
	}
	if (token->length >= strlen(META_PREFIX) &&
	    memcmp(token->text, META_PREFIX, strlen(META_PREFIX)) == 0) {
		meta_field(parser);
		advance(parser);
	} else if (token_is(parser, "type") || token_is(parser, "state")) {
		refuse(parser, token->column,
		       "%.*s belongs on the left of == or !=; parentheses "
		       "around the comparison may be missing",
		       (int)token->length, token->text);
	} else {
		list_operands(parser->guest->kind, names, sizeof(names));
		refuse(parser, token->column, "what is %s? There are %s",
		       token_quoted(parser, quoted, sizeof(quoted)), names);
	}
}

static void parse_or(struct parser *parser);

/* Counts the nesting. Returns false if it is too deep. */
static bool go_deeper(struct parser *parser)
{
	if (parser->depth == EXPRESSION_DEPTH_MAX) {
		refuse(parser, parser->token.column,
		       "nested too deeply; at most %u parentheses and "
		       "unary operators can be nested",
		       EXPRESSION_DEPTH_MAX);
		return false;
	}
	parser->depth++;
	return true;
}

static void parenthesized(struct parser *parser)
{
	unsigned column = parser->token.column;
	char quoted[64];

	advance(parser);
	parse_or(parser);
	if (parser->result == 0 && parser->token.kind != TOKEN_CLOSE)
		refuse(parser, parser->token.column,
		       "a ) for the ( at column %u is needed here, not %s", column,
		       token_quoted(parser, quoted, sizeof(quoted)));
	advance(parser);
}

static void parse_unary(struct parser *parser)
{
	enum token_kind kind = parser->token.kind;
	char quoted[64];

	switch (kind) {
	case TOKEN_NAME:
		name_operand(parser);
		break;
	case TOKEN_NUMBER:
		emit_number(parser, parser->token.number);
		advance(parser);
		break;
	case TOKEN_OPEN:
	case TOKEN_NOT:
	case TOKEN_SUBTRACT:
		if (!go_deeper(parser))
			break;
		if (kind == TOKEN_OPEN) {
			parenthesized(parser);
		} else {
			advance(parser);
			parse_unary(parser);
			emit(parser, kind == TOKEN_NOT ? OP_NOT : OP_NEGATE, 0, 0);
		}
		parser->depth--;
		break;
	default:
		refuse(parser, parser->token.column,
		       "a name, a number or a ( is needed here, not %s",
		       token_quoted(parser, quoted, sizeof(quoted)));
	}
}

struct binary {
	enum token_kind kind;
	enum operation code;
};

static const struct binary *find_binary(const struct binary *table, enum token_kind kind)
{
	for (; table->kind != TOKEN_END; table++)
		if (table->kind == kind)
			return table;
	return NULL;
}

/* Left-associative operators of one level, between operands of the next. */
static void parse_binary(struct parser *parser, const struct binary *table,
			 void (*operand)(struct parser *parser))
{
	const struct binary *found;

	operand(parser);
	while ((found = find_binary(table, parser->token.kind))) {
		advance(parser);
		operand(parser);
		emit(parser, found->code, 0, -1);
	}
}

static void parse_sum(struct parser *parser)
{
	static const struct binary table[] = {
		{TOKEN_ADD, OP_ADD}, {TOKEN_SUBTRACT, OP_SUBTRACT}, {TOKEN_END, 0}};

	parse_binary(parser, table, parse_unary);
}

static void parse_order(struct parser *parser)
{
	static const struct binary table[] = {{TOKEN_LESS, OP_LESS},
					      {TOKEN_LESS_EQUAL, OP_LESS_EQUAL},
					      {TOKEN_GREATER, OP_GREATER},
					      {TOKEN_GREATER_EQUAL, OP_GREATER_EQUAL},
					      {TOKEN_END, 0}};

	if (token_is(parser, "type") || token_is(parser, "state"))
		named_comparison(parser);
	else
		parse_binary(parser, table, parse_sum);
}

static void parse_equality(struct parser *parser)
{
	static const struct binary table[] = {
		{TOKEN_EQUAL, OP_EQUAL}, {TOKEN_UNEQUAL, OP_UNEQUAL}, {TOKEN_END, 0}};

	parse_binary(parser, table, parse_order);
}

static void parse_bit_and(struct parser *parser)
{
	static const struct binary table[] = {{TOKEN_BIT_AND, OP_BIT_AND}, {TOKEN_END, 0}};

	parse_binary(parser, table, parse_equality);
}

/* If the left side alone decides, execution jumps over the right side. */
static void parse_shortcut(struct parser *parser, enum token_kind kind, enum operation code,
			   void (*operand)(struct parser *parser))
{
	operand(parser);
	while (parser->token.kind == kind) {
		unsigned jump = emit(parser, code, 0, -1);

		advance(parser);
		operand(parser);
		emit(parser, OP_TRUTH, 0, 0);
		parser->expression->ops[jump].operand = (uint16_t)parser->expression->op_count;
	}
}

static void parse_and(struct parser *parser)
{
	parse_shortcut(parser, TOKEN_AND, OP_AND, parse_bit_and);
}

static void parse_or(struct parser *parser)
{
	parse_shortcut(parser, TOKEN_OR, OP_OR, parse_and);
}

int expression_compile(const char *text, const struct guest *guest,
		       const struct field_resolver *resolver, struct expression *expression,
		       struct error *err)
{
	struct parser parser = {.text = text,
				.guest = guest,
				.expression = expression,
				.err = err,
				.token = {.text = text}};
	char quoted[64];

	memset(expression, 0, sizeof(*expression));
	if (resolver)
		expression->resolver = *resolver;
	if (strnlen(text, EXPRESSION_LENGTH_MAX + 1) > EXPRESSION_LENGTH_MAX)
		return error_set(err, -EINVAL, "column %u: an expression has at most %u characters",
				 EXPRESSION_LENGTH_MAX + 1, EXPRESSION_LENGTH_MAX);
	advance(&parser);
	parse_or(&parser);
	if (parser.result == 0 && parser.token.kind != TOKEN_END)
		refuse(&parser, parser.token.column,
		       "an operator or the end is needed here, not %s",
		       token_quoted(&parser, quoted, sizeof(quoted)));
	return parser.result;
}
