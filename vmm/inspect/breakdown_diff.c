/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What grew: see breakdown_diff.h. A guest can have two things of one identity, by accident or to deceive: each row is in one
 * pair, whatever they are.
 */
#include "inspect/breakdown_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct side {
	const struct breakdown *breakdown;
	uint64_t count;
	const struct breakdown_row **rows; /* without a pair; in order */
};

/* What is not known is one thing, whatever has an identity of zeroes. */
static int by_identity(const struct breakdown_row *a, const struct breakdown_row *b)
{
	if (!a->name != !b->name)
		return a->name ? -1 : 1;
	for (unsigned i = 0; i < BREAKDOWN_IDENTITY; i++)
		if (a->identity[i] != b->identity[i])
			return a->identity[i] < b->identity[i] ? -1 : 1;
	return strcmp(a->group, b->group);
}

static int by_identity_and_name(const struct breakdown_row *a, const struct breakdown_row *b)
{
	int order = by_identity(a, b);

	return order || !a->name ? order : strcmp(a->name, b->name);
}

static int by_place(const void *a, const void *b)
{
	const struct breakdown_row *const *left = a, *const *right = b;
	int order = by_identity_and_name(*left, *right);

	/* Rows lie in order of their size. */
	return order ? order : *left < *right ? -1 : *left > *right;
}

static int side_begin(struct side *side, const struct breakdown *breakdown)
{
	*side = (struct side){.breakdown = breakdown, .count = breakdown->row_count};
	side->rows = calloc(side->count + 1, sizeof(*side->rows));
	if (!side->rows)
		return -ENOMEM;
	for (uint64_t i = 0; i < side->count; i++)
		side->rows[i] = &breakdown->rows[i];
	if (side->count > 1)
		qsort(side->rows, side->count, sizeof(*side->rows), by_place);
	return 0;
}

/* Pairs what is equal. The others stay, in order. */
static void pair_equal(struct breakdown_diff *diff, struct side *a, struct side *b,
		       int (*order)(const struct breakdown_row *, const struct breakdown_row *))
{
	uint64_t i = 0, j = 0, left_a = 0, left_b = 0;

	while (i < a->count && j < b->count) {
		int which = order(a->rows[i], b->rows[j]);

		if (which == 0)
			diff->pairs[diff->count++] =
				(struct breakdown_pair){a->rows[i++], b->rows[j++]};
		else if (which < 0)
			a->rows[left_a++] = a->rows[i++];
		else
			b->rows[left_b++] = b->rows[j++];
	}
	while (i < a->count)
		a->rows[left_a++] = a->rows[i++];
	while (j < b->count)
		b->rows[left_b++] = b->rows[j++];
	a->count = left_a;
	b->count = left_b;
}

static void pair_all(struct breakdown_diff *diff, struct side *a, struct side *b, bool is_one_boot)
{
	if (is_one_boot || !a->breakdown->is_of_boot) {
		pair_equal(diff, a, b, by_identity_and_name);
		if (!a->breakdown->has_lasting_names)
			pair_equal(diff, a, b, by_identity);
	}
	for (uint64_t i = 0; i < a->count; i++)
		diff->pairs[diff->count++] = (struct breakdown_pair){a->rows[i], NULL};
	for (uint64_t j = 0; j < b->count; j++)
		diff->pairs[diff->count++] = (struct breakdown_pair){NULL, b->rows[j]};
}

static uint64_t size_of(const struct breakdown_diff *diff, const struct breakdown_row *row)
{
	return row ? row->figures[diff->compared] : 0;
}

int64_t breakdown_growth(const struct breakdown_diff *diff, const struct breakdown_pair *pair)
{
	return (int64_t)(size_of(diff, pair->b) - size_of(diff, pair->a));
}

static int by_growth(const void *a, const void *b, void *own)
{
	const struct breakdown_diff *diff = own;
	const struct breakdown_pair *left = a, *right = b;
	int64_t x = breakdown_growth(diff, left), y = breakdown_growth(diff, right);
	const struct breakdown_row *one = left->b ? left->b : left->a,
				   *other = right->b ? right->b : right->a;

	if (x != y)
		return x < y ? 1 : -1;
	if (size_of(diff, left->b) != size_of(diff, right->b))
		return size_of(diff, left->b) < size_of(diff, right->b) ? 1 : -1;
	return by_identity_and_name(one, other);
}

static void add(const struct breakdown *breakdown, uint64_t sums[2][BREAKDOWN_FIGURES_MAX],
		const struct breakdown_pair *pair)
{
	for (unsigned i = 0; i < breakdown->column_count; i++) {
		if (!breakdown_unit_has_sum(breakdown->columns[i].unit))
			continue;
		sums[0][i] += pair->a ? pair->a->figures[i] : 0;
		sums[1][i] += pair->b ? pair->b->figures[i] : 0;
	}
}

/* What came or went changed, whatever its size. */
static bool has_changed(const struct breakdown_diff *diff, const struct breakdown_pair *pair)
{
	return !pair->a || !pair->b || breakdown_growth(diff, pair) != 0;
}

static void sum(struct breakdown_diff *diff, const struct breakdown *breakdown, uint64_t limit)
{
	uint64_t changed = 0;

	for (uint64_t i = 0; i < diff->count; i++) {
		add(breakdown, diff->sums, &diff->pairs[i]);
		if (has_changed(diff, &diff->pairs[i]))
			diff->pairs[changed++] = diff->pairs[i];
		else
			add(breakdown, diff->unchanged, &diff->pairs[i]);
	}
	diff->unchanged_count = diff->count - changed;
	diff->count = changed;
	if (changed > 1)
		qsort_r(diff->pairs, changed, sizeof(*diff->pairs), by_growth, diff);
	diff->listed = changed < limit ? changed : limit;
	for (uint64_t i = diff->listed; i < changed; i++)
		add(breakdown, diff->others, &diff->pairs[i]);
}

int breakdown_diff_pair(const struct breakdown *a, const struct breakdown *b, bool is_one_boot,
			struct breakdown_diff *diff, struct error *err)
{
	const uint64_t rows = a->row_count + b->row_count + 2;
	const uint64_t bytes = rows * (sizeof(*diff->pairs) + sizeof(struct breakdown_row *));
	struct side sides[2] = {0};

	*diff = (struct breakdown_diff){.budget = a->budget, .compared = a->compared};
	int result = memory_budget_take(diff->budget, bytes, "what changed", err);

	if (result < 0)
		return result;
	diff->taken = bytes;
	diff->pairs = calloc(rows, sizeof(*diff->pairs));
	if (!diff->pairs || side_begin(&sides[0], a) < 0 || side_begin(&sides[1], b) < 0)
		result = error_set(err, -ENOMEM, "no memory to compare");
	else
		pair_all(diff, &sides[0], &sides[1], is_one_boot);
	free(sides[0].rows);
	free(sides[1].rows);
	return result;
}

int breakdown_diff_make(const struct breakdown *a, const struct breakdown *b, bool is_one_boot,
			uint64_t limit, struct breakdown_diff *diff, struct error *err)
{
	int result = breakdown_diff_pair(a, b, is_one_boot, diff, err);

	if (result == 0)
		sum(diff, a, limit);
	return result;
}

void breakdown_diff_free(struct breakdown_diff *diff)
{
	free(diff->pairs);
	memory_budget_give(diff->budget, diff->taken);
	*diff = (struct breakdown_diff){0};
}
