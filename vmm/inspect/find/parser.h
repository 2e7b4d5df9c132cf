/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The compiler of expressions, in two files: parser.c has the grammar, operand.c what names mean.
 *
 * The first error is kept. From then on every token is the end of the text, so the functions need not pass the error
 * on. The depth, the operations and the height of the stack are bounded.
 */
#ifndef VMM_PARSER_H
#define VMM_PARSER_H

#include <errno.h>

#include "base/name_guess.h"
#include "inspect/find/expression.h"
#include "inspect/find/operations.h"
#include "inspect/find/token.h"

struct parser {
	const char *text;
	const struct guest *guest;
	struct expression *expression;
	struct error *err;
	struct token token; /* the current one */
	unsigned depth;
	unsigned height; /* values on the stack, after the operations so far */
	int result;
	/* The operator of the comparison that was parsed last, if that had no parentheses around it; else NULL. */
	const char *comparison;
	bool compares_names; /* it is `type == NAME` or `state == NAME` */
	/* The property, a value of which has a name, that was parsed last, without anything behind it; -1: none. */
	int named;
	int keyed; /* likewise, one whose values are keys of a breakdown */
};

void parser_fail(struct parser *parser);
void parser_advance(struct parser *parser);
bool parser_token_is(const struct parser *parser, const char *word);

/* The current token in quotes, or "the end", for an error. */
const char *parser_token_quoted(const struct parser *parser, char *buffer, size_t size);

/* Writes an operation that leaves `growth` more values on the stack; returns its index. */
unsigned parser_emit(struct parser *parser, enum operation code, unsigned operand, int growth);

/* A comparison with a name: `type == page_table`, `state != unused`. */
void parse_named_comparison(struct parser *parser);

/* Another name: `ref`, `meta.level`. */
void parse_name(struct parser *parser);

/* Pushes a number. */
void parser_emit_number(struct parser *parser, uint64_t number);

/* If the current token names a property of the guest's kind, parses it. */
bool parse_property(struct parser *parser);

/*
 * If the current token names a property that a frame can have several of, parses the comparison with an owner: a pattern of names
 * or a number.
 */
bool parse_owner_comparison(struct parser *parser);
bool parser_is_owner(const struct parser *parser);

/* What somebody may have meant. */
void guess_property(const struct parser *parser, struct name_guess *guess);

/*
 * What there is: all of a prefix if the token has it, else each prefix once. Returns whether other operands may have been
 * meant as well.
 */
bool list_properties(const struct parser *parser, char *names, size_t size);

/* The name of a value of the property `named`, after == or !=. */
void parse_value_name(struct parser *parser);

/* What a property `keyed` is compared with: a pattern of names. Writes the comparison, too. */
void parse_text(struct parser *parser, enum operation code);

/* "column N: " and a text; a macro, so that the compiler checks the format. */
#define refuse(parser, column, format, ...)                                                        \
	do {                                                                                       \
		if ((parser)->result == 0)                                                         \
			error_set((parser)->err, -EINVAL, "column %u: " format,                    \
				  (column)__VA_OPT__(, ) __VA_ARGS__);                             \
		parser_fail(parser);                                                               \
	} while (0)

#endif
