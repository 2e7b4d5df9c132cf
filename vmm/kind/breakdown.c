/* SPDX-License-Identifier: MPL-2.0 */
/* Rows of a breakdown: see breakdown.h. */
#include "kind/breakdown.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory_budget.h"
#include "base/printable.h"

#define ROWS_FIRST 64

const char *const breakdown_names[BREAKDOWN_COUNT] = {
	[BREAKDOWN_FILE] = "file",           [BREAKDOWN_CACHE] = "cache",
	[BREAKDOWN_PROCESS] = "process",     [BREAKDOWN_ZONE] = "zone",
	[BREAKDOWN_PAGEBLOCK] = "pageblock", [BREAKDOWN_MIGRATETYPE] = "migratetype",
	[BREAKDOWN_CLASS] = "class",
};

void breakdown_free(struct breakdown *breakdown)
{
	for (uint64_t i = 0; i < breakdown->row_count; i++)
		free(breakdown->rows[i].name);
	free(breakdown->rows);
	memory_budget_give(breakdown->budget, breakdown->taken);
	*breakdown = (struct breakdown){0};
}

static bool grow(struct breakdown *breakdown, struct error *err)
{
	uint64_t more = breakdown->capacity ? breakdown->capacity : ROWS_FIRST;
	uint64_t bytes = more * sizeof(*breakdown->rows);

	if (memory_budget_take(breakdown->budget, bytes, "the rows of the table", err) < 0)
		return false;
	breakdown->taken += bytes;
	struct breakdown_row *rows =
		realloc(breakdown->rows, (breakdown->capacity + more) * sizeof(*rows));

	if (!rows) {
		error_set(err, -ENOMEM, "no memory for the rows of the table");
		return false;
	}
	breakdown->rows = rows;
	breakdown->capacity += more;
	return true;
}

struct breakdown_row *breakdown_add(struct breakdown *breakdown, struct error *err)
{
	if (breakdown->row_count == breakdown->capacity && !grow(breakdown, err))
		return NULL;
	struct breakdown_row *row = &breakdown->rows[breakdown->row_count++];

	*row = (struct breakdown_row){0};
	return row;
}

int breakdown_name(struct breakdown *breakdown, struct breakdown_row *row, const char *text,
		   struct error *err)
{
	/* A byte that is not printable becomes one that is: it does not grow. */
	size_t size = strlen(text) + 1;
	int result = memory_budget_take(breakdown->budget, size, "the names in the table", err);

	if (result < 0)
		return result;
	breakdown->taken += size;
	row->name = malloc(size);
	if (!row->name)
		return error_set(err, -ENOMEM, "no memory for the names in the table");
	printable_copy(row->name, size, text);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	const struct breakdown_row *left = a, *right = b;

	if (left->figures[0] != right->figures[0])
		return left->figures[0] < right->figures[0] ? 1 : -1;
	return left->key < right->key ? -1 : left->key > right->key;
}

static void sum(const struct breakdown *breakdown, uint64_t first, uint64_t end, uint64_t *sums)
{
	for (unsigned i = 0; i < breakdown->column_count; i++) {
		sums[i] = 0;
		for (uint64_t row = first; row < end; row++)
			if (breakdown_unit_has_sum(breakdown->columns[i].unit))
				sums[i] += breakdown->rows[row].figures[i];
	}
}

void breakdown_finish(struct breakdown *breakdown, uint64_t limit)
{
	uint64_t all = breakdown->row_count, kept = all < limit ? all : limit;

	if (all > 1)
		qsort(breakdown->rows, all, sizeof(*breakdown->rows), by_size);
	sum(breakdown, 0, all, breakdown->sums);
	sum(breakdown, kept, all, breakdown->others);
	breakdown->other_count = all - kept;
	for (uint64_t i = kept; i < all; i++)
		free(breakdown->rows[i].name);
	breakdown->row_count = kept;
}

/* A name may be as long as a path. */
#define LISTED_SIZE 8192

bool breakdown_row_is_named(const struct breakdown_row *row, const char *pattern)
{
	char listed[LISTED_SIZE];

	if (!row->name)
		return false;
	snprintf(listed, sizeof(listed), "%s %s", row->group, row->name);
	return fnmatch(pattern, row->name, 0) == 0 ||
	       (row->group[0] && fnmatch(pattern, listed, 0) == 0);
}
