/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Random expressions for test_expression.c: a tree, printed with no more parentheses than precedence asks for, and
 * evaluated by walking it, with the rules written once more and in another way. Operands have the values of the page
 * table that the test crafts.
 */
#ifndef TESTS_UNIT_EXPRESSION_TREE_H
#define TESTS_UNIT_EXPRESSION_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define EXPRESSION_TREE_TEXT 2048

void expression_tree_seed(uint64_t seed);
unsigned expression_tree_random(unsigned bound);

/* Makes the next expression in `text`, of EXPRESSION_TREE_TEXT bytes. Returns whether the frame matches it. */
bool expression_tree_next(char *text);

#endif
