/* SPDX-License-Identifier: MPL-2.0 */
/* The words of an expression. */
#ifndef VMM_TOKEN_H
#define VMM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NAME, /* letters, digits, _ and dots */
	TOKEN_NUMBER,
	TOKEN_TEXT, /* with the double quotes around it, in which there are none */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_NOT,
	TOKEN_OR,
	TOKEN_AND,
	TOKEN_BIT_AND,
	TOKEN_EQUAL,
	TOKEN_UNEQUAL,
	TOKEN_LESS,
	TOKEN_LESS_EQUAL,
	TOKEN_GREATER,
	TOKEN_GREATER_EQUAL,
	TOKEN_ADD,
	TOKEN_SUBTRACT,
};

struct token {
	enum token_kind kind;
	const char *text;
	unsigned length;
	unsigned column; /* of its first character, from 1 */
	uint64_t number; /* TOKEN_NUMBER */
};

/* What may lie between tokens. */
static inline bool token_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/*
 * Reads the token at or behind `at`, in a text that starts at `start`; the next one is at or behind token->text +
 * token->length. Returns 0, or -EINVAL if the text has no valid token there.
 */
int token_read(const char *start, const char *at, struct token *token, struct error *err);

#endif
