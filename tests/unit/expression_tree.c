/* SPDX-License-Identifier: MPL-2.0 */
/* Random expressions: see expression_tree.h. */
#include "unit/expression_tree.h"

#include <stdio.h>
#include <string.h>

/*
 * Random expressions: a tree, printed with no more parentheses than precedence asks for, and evaluated by walking
 * it with the rules written once more and in another way.
 */
struct node {
	const char *word; /* operator, or a whole operand */
	int level;        /* of precedence: 0 binds most loosely, LEVEL_UNARY and LEVEL_OPERAND */
	bool is_missing;  /* of an operand */
	long long value;  /* of an operand */
	struct node *left, *right;
};

#define LEVEL_BIT_AND  2
#define LEVEL_EQUALITY 3
#define LEVEL_SUM      5
#define LEVEL_UNARY    6
#define LEVEL_OPERAND  7
#define NODES_MAX      64

static struct node nodes[NODES_MAX];
static unsigned node_count;
static uint64_t random_state;

static unsigned random_below(unsigned bound)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(random_state >> 33) % bound;
}

static const struct node operands[] = {
	{"0", LEVEL_OPERAND, false, 0, NULL, NULL},
	{"1", LEVEL_OPERAND, false, 1, NULL, NULL},
	{"2", LEVEL_OPERAND, false, 2, NULL, NULL},
	{"0x7", LEVEL_OPERAND, false, 7, NULL, NULL},
	{"1K", LEVEL_OPERAND, false, 1024, NULL, NULL},
	{"ref", LEVEL_OPERAND, false, 3, NULL, NULL},
	{"gen", LEVEL_OPERAND, false, 7, NULL, NULL},
	{"meta.level", LEVEL_OPERAND, false, 2, NULL, NULL},
	{"meta.owner.pid", LEVEL_OPERAND, false, -1, NULL, NULL},
	{"meta.free", LEVEL_OPERAND, true, 0, NULL, NULL},
	{"type == slab", LEVEL_EQUALITY, false, 0, NULL, NULL},
	{"type != slab", LEVEL_EQUALITY, false, 1, NULL, NULL},
	{"state == shared", LEVEL_EQUALITY, false, 1, NULL, NULL},
};

static const struct node binaries[] = {
	{.word = "||", .level = 0}, {.word = "&&", .level = 1}, {.word = "&", .level = 2},
	{.word = "==", .level = 3}, {.word = "!=", .level = 3}, {.word = "<", .level = 4},
	{.word = "<=", .level = 4}, {.word = ">", .level = 4},  {.word = ">=", .level = 4},
	{.word = "+", .level = 5},  {.word = "-", .level = 5},
};

static const struct node unaries[] = {{.word = "!", .level = 6}, {.word = "-", .level = 6}};

static struct node *grow(unsigned depth)
{
	struct node *node = &nodes[node_count++];
	unsigned kind = depth == 0 ? 0 : random_below(8);

	if (kind < 2) {
		*node = operands[random_below(sizeof(operands) / sizeof(operands[0]))];
	} else if (kind == 2) {
		*node = unaries[random_below(2)];
		node->left = grow(depth - 1);
	} else {
		*node = binaries[random_below(sizeof(binaries) / sizeof(binaries[0]))];
		node->left = grow(depth - 1);
		node->right = grow(depth - 1);
	}
	return node;
}

static void print_node(const struct node *node, int level, char *to)
{
	bool has_parentheses = node->level < level;

	if (has_parentheses)
		strcat(to, "(");
	if (node->right) {
		/* A comparison beside & needs parentheses. */
		bool is_and = node->level == LEVEL_BIT_AND;
		bool is_left_and = node->left->level == LEVEL_BIT_AND;

		print_node(node->left, is_and && !is_left_and ? LEVEL_SUM : node->level, to);
		sprintf(to + strlen(to), " %s ", node->word);
		print_node(node->right, is_and ? LEVEL_SUM : node->level + 1, to);
	} else {
		strcat(to, node->word);
		if (node->left)
			print_node(node->left, LEVEL_UNARY, to);
	}
	if (has_parentheses)
		strcat(to, ")");
}

/* The value; false in `there` when it is missing. */
static long long walk(const struct node *node, bool *there)
{
	bool left_there = true, right_there = true;
	char first = node->word[0], second = node->word[1];

	*there = !node->is_missing;
	if (!node->left)
		return node->value;
	long long left = walk(node->left, &left_there);

	if (!node->right) {
		*there = left_there;
		return first == '!' ? !left : -left;
	}
	long long right = walk(node->right, &right_there);
	bool both = left_there && right_there;

	*there = true;
	if (first == '|')
		return (left_there && left) || (right_there && right);
	if (first == '&' && second == '&')
		return left_there && left && right_there && right;
	if (first == '=' || first == '!')
		return both && (left == right) == (first == '=');
	if (first == '<')
		return both && (second ? left <= right : left < right);
	if (first == '>')
		return both && (second ? left >= right : left > right);
	*there = both;
	if (first == '&')
		return left & right;
	return first == '+' ? left + right : left - right;
}

void expression_tree_seed(uint64_t seed)
{
	random_state = seed;
}

unsigned expression_tree_random(unsigned bound)
{
	return random_below(bound);
}

bool expression_tree_next(char *text)
{
	bool there;

	node_count = 0;
	const struct node *root = grow(1 + random_below(5));
	long long value = walk(root, &there);

	text[0] = '\0';
	print_node(root, 0, text);
	return there && value;
}
