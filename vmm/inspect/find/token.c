/* SPDX-License-Identifier: MPL-2.0 */
/* The words of an expression: see token.h. */
#include "inspect/find/token.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/number_text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
	return is_name_start(c) || is_digit(c) || c == '.';
}

/* The value of a digit in the base, or -1. */
static int digit_value(char c, unsigned base)
{
	int value = -1;

	if (is_digit(c))
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value < (int)base ? value : -1;
}

static int read_number(struct token *token, struct error *err)
{
	const char *at = token->text;
	unsigned base = at[0] == '0' && (at[1] == 'x' || at[1] == 'X') ? 16 : 10;
	uint64_t value = 0;
	bool fits = true;
	int digit;

	at += base == 16 ? 2 : 0;
	const char *digits = at;

	for (; (digit = digit_value(*at, base)) >= 0; at++)
		fits = fits && !__builtin_mul_overflow(value, base, &value) &&
		       !__builtin_add_overflow(value, (unsigned)digit, &value);
	bool is_empty = at == digits;
	unsigned shift;

	at = size_unit(at, &shift);
	token->number = value << shift;
	token->kind = TOKEN_NUMBER;
	if (is_empty || is_name(*at)) {
		while (is_name(*at))
			at++;
		return error_set(
			err, -EINVAL,
			"column %u: \"%.*s\" is not a number; 12, 0x1f, 64K, 16M and 1GiB are",
			token->column, (int)(at - token->text), token->text);
	}
	token->length = (unsigned)(at - token->text);
	if (!fits || token->number >> shift != value)
		return error_set(err, -EINVAL, "column %u: %.*s does not fit 64 bits",
				 token->column, (int)token->length, token->text);
	return 0;
}

static const struct {
	const char *text; /* in any order: the longest match wins */
	enum token_kind kind;
} operators[] = {
	{"||", TOKEN_OR},      {"&&", TOKEN_AND},        {"==", TOKEN_EQUAL},
	{"!=", TOKEN_UNEQUAL}, {"<=", TOKEN_LESS_EQUAL}, {"<", TOKEN_LESS},
	{">", TOKEN_GREATER},  {"(", TOKEN_OPEN},        {">=", TOKEN_GREATER_EQUAL},
	{")", TOKEN_CLOSE},    {"&", TOKEN_BIT_AND},     {"!", TOKEN_NOT},
	{"+", TOKEN_ADD},      {"-", TOKEN_SUBTRACT},
};

static int read_operator(struct token *token, struct error *err)
{
	const char *hint = "";
	char c = token->text[0];

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		unsigned length = (unsigned)strlen(operators[i].text);

		if (length > token->length &&
		    strncmp(token->text, operators[i].text, length) == 0) {
			token->kind = operators[i].kind;
			token->length = length;
		}
	}
	if (token->length > 0)
		return 0;
	if (c == '=')
		hint = "; equal is ==";
	else if (c == '|')
		hint = "; or is ||";
	if (c > ' ' && c <= '~')
		return error_set(err, -EINVAL, "column %u: '%c' is not an operator%s",
				 token->column, c, hint);
	return error_set(err, -EINVAL, "column %u: the byte %#x cannot be part of an expression",
			 token->column, (unsigned char)c);
}

static int read_text(struct token *token, struct error *err)
{
	const char *end = token->text + 1;

	/* Names have no others: what lists them shows each as a question mark. */
	while (*end != '"' && (unsigned char)*end >= ' ' && *end != 0x7f)
		end++;
	if (*end != '"')
		return error_set(err, -EINVAL, "column %u: the text that starts here has no end",
				 token->column);
	token->kind = TOKEN_TEXT;
	token->length = (unsigned)(end + 1 - token->text);
	return 0;
}

int token_read(const char *start, const char *at, struct token *token, struct error *err)
{
	while (token_is_blank(*at))
		at++;
	*token =
		(struct token){.kind = TOKEN_END, .text = at, .column = (unsigned)(at - start) + 1};
	if (*at == '\0')
		return 0;
	if (is_digit(*at))
		return read_number(token, err);
	if (*at == '"')
		return read_text(token, err);
	if (!is_name_start(*at))
		return read_operator(token, err);
	token->kind = TOKEN_NAME;
	while (is_name(token->text[token->length]))
		token->length++;
	return 0;
}
