/* SPDX-License-Identifier: MPL-2.0 */
/* Rows of a breakdown, look by look: see top_rows.h. */
#include "view/top/top_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "inspect/breakdown_diff.h"

/* A pair, and how large the larger of its size and its change is. */
struct weighed {
	const struct breakdown_pair *pair;
	uint64_t weight;
};

static int by_weight(const void *left, const void *right)
{
	const struct weighed *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	return a->pair < b->pair ? -1 : a->pair > b->pair;
}

static uint64_t weight_of(const struct breakdown_diff *diff, const struct breakdown_pair *pair)
{
	const int64_t growth = breakdown_growth(diff, pair);
	const uint64_t change = growth < 0 ? -(uint64_t)growth : (uint64_t)growth;

	return pair->b->figures[0] > change ? pair->b->figures[0] : change;
}

static int add_row(struct top_rows *rows, const struct breakdown_diff *diff,
		   const struct breakdown_pair *pair)
{
	struct breakdown *table = &rows->table;
	struct top_growth *growth = &rows->growth[table->row_count];
	struct breakdown_row *row = breakdown_add(table, &rows->problem);

	if (!row)
		return -E2BIG;
	*row = *pair->b;
	row->name = NULL;
	if (rows->compared_ns)
		*growth = (struct top_growth){breakdown_growth(diff, pair), !pair->a};
	return pair->b->name ? breakdown_name(table, row, pair->b->name, &rows->problem) : 0;
}

/* Those that are left out are counted, and only there. */
static void leave_out(struct top_rows *rows, const struct breakdown_pair *pair)
{
	struct breakdown *table = &rows->table;

	table->other_count++;
	for (unsigned i = 0; i < table->column_count; i++)
		if (breakdown_unit_has_sum(table->columns[i].unit))
			table->others[i] += pair->b->figures[i];
}

/* Copies what a screen can have any use of: the rows themselves stay, for the next look. */
static int copy_rows(struct top_rows *rows, const struct breakdown_diff *diff,
		     struct weighed *weighed)
{
	uint64_t count = 0;
	int result = 0;

	for (uint64_t i = 0; i < diff->count; i++) {
		const struct breakdown_pair *pair = &diff->pairs[i];

		if (rows->compared_ns)
			rows->growth_bytes += breakdown_growth(diff, pair);
		if (pair->b)
			weighed[count++] = (struct weighed){pair, weight_of(diff, pair)};
	}
	if (count > TOP_ROWS_MAX)
		qsort(weighed, count, sizeof(*weighed), by_weight);
	for (uint64_t i = 0; result == 0 && i < count; i++)
		if (i < TOP_ROWS_MAX)
			result = add_row(rows, diff, weighed[i].pair);
		else
			leave_out(rows, weighed[i].pair);
	return result;
}

/* The constants of a breakdown, and its sums: without rows. */
static struct breakdown without_rows(const struct breakdown *breakdown)
{
	struct breakdown head = *breakdown;

	head.rows = NULL;
	head.row_count = head.capacity = head.taken = head.other_count = 0;
	memset(head.others, 0, sizeof(head.others));
	return head;
}

static int compare(const struct breakdown *before, const struct breakdown *now,
		   struct top_rows *rows)
{
	struct breakdown_diff diff;
	const uint64_t room = now->row_count < TOP_ROWS_MAX ? now->row_count : TOP_ROWS_MAX;

	rows->table = without_rows(now);
	int result = breakdown_diff_pair(before, now, true, &diff, &rows->problem);
	struct weighed *weighed = result == 0 ? malloc((now->row_count + 1) * sizeof(*weighed))
					      : NULL;

	rows->growth = calloc(room + 1, sizeof(*rows->growth));
	if (result == 0 && (!weighed || !rows->growth))
		result = error_set(&rows->problem, -ENOMEM, "no memory for the rows");
	if (result == 0)
		result = copy_rows(rows, &diff, weighed);
	free(weighed);
	breakdown_diff_free(&diff);
	return result;
}

static bool is_comparable(const struct top_rows_base *base, enum breakdown_by by)
{
	return base->is_there && base->by == by;
}

/* Takes over the rows. */
static void become_base(struct top_rows_base *base, enum breakdown_by by, uint64_t at_ns,
			struct breakdown *rows)
{
	top_rows_forget(base);
	*base = (struct top_rows_base){.is_there = true, .by = by, .at_ns = at_ns, .rows = *rows};
	*rows = (struct breakdown){0};
}

static int look(const struct guest *guest, const struct top_rows_request *request,
		struct top_rows_base *base, uint64_t start, struct top_rows *rows)
{
	const bool has_base = is_comparable(base, request->by);
	struct breakdown now, none;

	int result = guest_breakdown(guest, request->by, UINT64_MAX, &now, &rows->problem);

	if (result == 0) {
		none = without_rows(&now);
		rows->compared_ns = has_base ? start - base->at_ns : 0;
		result = compare(has_base ? &base->rows : &none, &now, rows);
	}
	if (result == 0 && !(has_base && request->keeps_base))
		become_base(base, request->by, start, &now);
	breakdown_free(&now);
	return result;
}

void top_rows_take(const struct guest *guest, const struct top_rows_request *request,
		   struct top_rows_base *base, struct top_rows *rows)
{
	const uint64_t start = clock_now_ns();

	*rows = (struct top_rows){.is_asked = request->is_asked, .by = request->by};
	if (!request->is_asked) {
		top_rows_forget(base);
		return;
	}
	/* A kind that finds the array gone has no text for it. */
	error_set(&rows->problem, 0, "the guest's metadata is no longer in its memory");
	rows->is_known = look(guest, request, base, start, rows) == 0;
	if (rows->is_known)
		rows->problem.text[0] = '\0';
	else
		top_rows_forget(base);
	rows->took_ns = clock_now_ns() - start;
}

void top_rows_free(struct top_rows *rows)
{
	breakdown_free(&rows->table);
	free(rows->growth);
	rows->growth = NULL;
	rows->is_known = false;
}

void top_rows_forget(struct top_rows_base *base)
{
	breakdown_free(&base->rows);
	*base = (struct top_rows_base){0};
}
