/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compiles expressions: recursive descent, one function for each level of precedence. Each writes the operations in the
 * order in which they are carried out.
 */
#include "inspect/find/parser.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "kind/guest.h"
#include "kind/kind.h"

void parser_fail(struct parser *parser)
{
	parser->result = -EINVAL;
	parser->token.kind = TOKEN_END;
}

void parser_advance(struct parser *parser)
{
	const struct token *token = &parser->token;

	if (parser->result == 0 &&
	    token_read(parser->text, token->text + token->length, &parser->token, parser->err) < 0)
		parser_fail(parser);
}

bool parser_token_is(const struct parser *parser, const char *word)
{
	const struct token *token = &parser->token;

	return token->kind == TOKEN_NAME && strlen(word) == token->length &&
	       memcmp(token->text, word, token->length) == 0;
}

const char *parser_token_quoted(const struct parser *parser, char *buffer, size_t size)
{
	const struct token *token = &parser->token;

	if (token->kind == TOKEN_END)
		return "the end";
	const char *quote = token->kind == TOKEN_TEXT ? "" : "\"";

	snprintf(buffer, size, "%s%.*s%s", quote, token->length < 40 ? (int)token->length : 40,
		 token->text, quote);
	/* A text may have any bytes, and be cut between those of one character. */
	printable_copy(buffer, size, buffer);
	return buffer;
}

unsigned parser_emit(struct parser *parser, enum operation code, unsigned operand, int growth)
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

void parser_emit_number(struct parser *parser, uint64_t number)
{
	struct expression *expression = parser->expression;

	/* An expression has an operation between any two numbers, so it has no more numbers than this. */
	if (expression->number_count < sizeof(expression->numbers) / sizeof(uint64_t)) {
		expression->numbers[expression->number_count] = number;
		parser_emit(parser, OP_NUMBER, expression->number_count++, 1);
	} else {
		refuse(parser, parser->token.column, "the expression has too many numbers");
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

	parser_advance(parser);
	parse_or(parser);
	if (parser->result == 0 && parser->token.kind != TOKEN_CLOSE)
		refuse(parser, parser->token.column,
		       "a ) for the ( at column %u is needed here, not %s", column,
		       parser_token_quoted(parser, quoted, sizeof(quoted)));
	parser_advance(parser);
}

static void parse_unary(struct parser *parser)
{
	enum token_kind kind = parser->token.kind;
	char quoted[64];

	parser->named = -1;
	parser->keyed = -1;
	switch (kind) {
	case TOKEN_NAME:
		parse_name(parser);
		break;
	case TOKEN_NUMBER:
		parser_emit_number(parser, parser->token.number);
		parser_advance(parser);
		break;
	case TOKEN_OPEN:
	case TOKEN_NOT:
	case TOKEN_SUBTRACT:
		if (!go_deeper(parser))
			break;
		if (kind == TOKEN_OPEN) {
			parenthesized(parser);
		} else {
			parser_advance(parser);
			parse_unary(parser);
			parser_emit(parser, kind == TOKEN_NOT ? OP_NOT : OP_NEGATE, 0, 0);
		}
		parser->depth--;
		break;
	default:
		refuse(parser, parser->token.column,
		       "a name, a number or a ( is needed here, not %s",
		       parser_token_quoted(parser, quoted, sizeof(quoted)));
	}
	parser->comparison = NULL;
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

/* Whether the operator just read compares a property with the name of one of its values. */
static bool takes_name(const struct parser *parser, enum operation code)
{
	return (code == OP_EQUAL || code == OP_UNEQUAL) && parser->named >= 0 &&
	       parser->token.kind == TOKEN_NAME;
}

/* Whether it compares a property with names that are not known before the guest is asked. */
static bool takes_text(const struct parser *parser, enum operation code)
{
	return (code == OP_EQUAL || code == OP_UNEQUAL) && parser->keyed >= 0 &&
	       (parser->token.kind == TOKEN_TEXT || parser->token.kind == TOKEN_NAME);
}

/* Left-associative operators of one level, between operands of the next. */
static void parse_binary(struct parser *parser, const struct binary *table,
			 void (*operand)(struct parser *parser))
{
	const struct binary *found;

	operand(parser);
	while ((found = find_binary(table, parser->token.kind))) {
		const char *sign = parser->token.text;

		parser_advance(parser);
		bool is_name = takes_name(parser, found->code);
		bool is_text = takes_text(parser, found->code);

		if (is_text)
			parse_text(parser, found->code);
		else if (is_name)
			parse_value_name(parser);
		else
			operand(parser);
		if (!is_text) {
			parser_emit(parser, found->code, 0, -1);
			/* What was computed has no names. */
			parser->named = parser->keyed = -1;
		}
		if (found->code <= OP_GREATER_EQUAL) {
			parser->comparison = sign;
			parser->compares_names = is_name || is_text;
		}
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

	if (parser_token_is(parser, "type") || parser_token_is(parser, "state"))
		parse_named_comparison(parser);
	else if (!parse_owner_comparison(parser))
		parse_binary(parser, table, parse_sum);
}

static void parse_equality(struct parser *parser)
{
	static const struct binary table[] = {
		{TOKEN_EQUAL, OP_EQUAL}, {TOKEN_UNEQUAL, OP_UNEQUAL}, {TOKEN_END, 0}};

	parse_binary(parser, table, parse_order);
}

/*
 * Refuses `addr & 7 == 0`, which C reads as addr & (7 == 0). `start` is where the left operand of the & starts, and
 * left, right are the operators of comparisons beside it, or NULL. The current token ends the right operand.
 */
static void refuse_bare(struct parser *parser, const char *start, unsigned column, const char *left,
			const char *right)
{
	const char *end = parser->token.text;
	const char *from = start, *to = end;
	char better[EXPRESSION_LENGTH_MAX + sizeof("()")];

	while (end > start && token_is_blank(end[-1]))
		end--;
	if (parser->compares_names || (left && right)) {
		refuse(parser, column,
		       "both sides of & are numbers; to combine comparisons write &&");
		return;
	}
	/* The part to put in parentheses: up to a comparison on the right, or from behind one on the left. */
	if (right)
		to = right;
	else
		for (from = left; strchr("=!<>", *from) || token_is_blank(*from); from++)
			;
	if (to > end)
		to = end;
	while (to > from && token_is_blank(to[-1]))
		to--;
	snprintf(better, sizeof(better), "%.*s(%.*s)%.*s", (int)(from - start), start,
		 (int)(to - from), from, (int)(end - to), to);
	/* The expression may have several lines, what is said of it has one. */
	for (char *c = better; *c; c++)
		if (token_is_blank(*c))
			*c = ' ';
	printable_copy(better, sizeof(better), better);
	refuse(parser, column, "comparisons bind more tightly than &; write %s", better);
}

static void parse_bit_and(struct parser *parser)
{
	const char *start = parser->token.text;

	parse_equality(parser);
	while (parser->token.kind == TOKEN_BIT_AND) {
		const char *left = parser->comparison;
		bool compares_names = parser->compares_names;
		unsigned column = parser->token.column;

		parser_advance(parser);
		parse_equality(parser);
		parser_emit(parser, OP_BIT_AND, 0, -1);
		const char *right = parser->comparison;

		parser->compares_names = (left && compares_names) ||
					 (right && parser->compares_names);
		if (left || right)
			refuse_bare(parser, start, column, left, right);
		parser->comparison = NULL;
	}
}

/* If the left side alone decides, execution jumps over the right side. */
static void parse_shortcut(struct parser *parser, enum token_kind kind, enum operation code,
			   void (*operand)(struct parser *parser))
{
	operand(parser);
	while (parser->token.kind == kind) {
		unsigned jump = parser_emit(parser, code, 0, -1);

		parser_advance(parser);
		operand(parser);
		parser_emit(parser, OP_TRUTH, 0, 0);
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
				.token = {.text = text},
				.named = -1,
				.keyed = -1};
	char quoted[64];

	memset(expression, 0, sizeof(*expression));
	expression->guest = guest;
	if (resolver)
		expression->resolver = *resolver;
	for (unsigned i = 0; i < guest->kind->state_count; i++) {
		const struct frame_state *state = &guest->kind->states[i];

		expression->broken_states |= (unsigned)state->is_broken << i;
		expression->free_states |= (unsigned)(state->tone == TONE_FREE) << i;
	}
	if (strnlen(text, EXPRESSION_LENGTH_MAX + 1) > EXPRESSION_LENGTH_MAX)
		return error_set(err, -EINVAL, "column %u: an expression has at most %u characters",
				 EXPRESSION_LENGTH_MAX + 1, EXPRESSION_LENGTH_MAX);
	parser_advance(&parser);
	parse_or(&parser);
	if (parser.result == 0 && parser.token.kind != TOKEN_END)
		refuse(&parser, parser.token.column,
		       "an operator or the end is needed here, not %s",
		       parser_token_quoted(&parser, quoted, sizeof(quoted)));
	if (parser.result < 0)
		expression_end(expression);
	return parser.result;
}
