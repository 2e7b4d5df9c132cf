/* SPDX-License-Identifier: MPL-2.0 */
/* A table of what grew: see diff_by.h. */
#include "cli/diff_by.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/number_text.h"
#include "cli/breakdown_look.h"
#include "cli/exit_status.h"
#include "inspect/breakdown_diff.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/breakdown_text.h"
#include "view/coverage.h"
#include "view/origin_text.h"

#define FIGURE_WIDTH BREAKDOWN_FIGURE_WIDTH
#define MARK_WIDTH   4 /* "gone" */

struct seen {
	enum breakdown_by by;
	const struct session *sessions[2];
	struct breakdown sides[2];
	struct breakdown_diff diff;
	bool is_one_boot;
};

/* What a pair is called: as it is called now. */
static const struct breakdown_row *called(const struct breakdown_pair *pair)
{
	return pair->b ? pair->b : pair->a;
}

/* A column of its own: a name cannot claim to be new. */
static const char *mark(const struct breakdown_pair *pair)
{
	return !pair->a ? "new" : !pair->b ? "gone" : "";
}

static double mebibytes(double bytes)
{
	return bytes / (1 << 20);
}

static void print_sizes(uint64_t a, uint64_t b)
{
	double change = mebibytes((double)(int64_t)(b - a));
	char text[32];

	/* A sign that is not rounded away. */
	snprintf(text, sizeof(text), change >= 0.05 || change <= -0.05 ? "%+.1f" : "0.0", change);
	printf("%*.1f %*.1f %*s", FIGURE_WIDTH, mebibytes((double)a), FIGURE_WIDTH,
	       mebibytes((double)b), FIGURE_WIDTH, text);
}

/* Figures that belong to the name; NULL: of several, which have none. Returns the columns that they take. */
static unsigned print_ids(const struct breakdown *breakdown, const struct breakdown_row *row)
{
	unsigned used = 0;

	for (unsigned i = 0; i < breakdown->column_count; i++) {
		if (breakdown->columns[i].unit != BREAKDOWN_ID)
			continue;
		if (row)
			printf(" %*" PRIu64, FIGURE_WIDTH, row->figures[i]);
		else
			printf(" %*s", FIGURE_WIDTH, "");
		used += FIGURE_WIDTH + 1;
	}
	return used;
}

static unsigned print_head(const struct seen *seen)
{
	const struct breakdown *breakdown = &seen->sides[0];
	unsigned used = 3 * (FIGURE_WIDTH + 1) + MARK_WIDTH + 2;

	char in_a[FIGURE_WIDTH * 2], in_b[FIGURE_WIDTH * 2];

	snprintf(in_a, sizeof(in_a), "%s in A", breakdown->columns[breakdown->compared].heading);
	snprintf(in_b, sizeof(in_b), "%s in B", breakdown->columns[breakdown->compared].heading);
	printf("%*s %*s %*s", FIGURE_WIDTH, in_a, FIGURE_WIDTH, in_b, FIGURE_WIDTH, "change");
	for (unsigned i = 0; i < breakdown->column_count; i++)
		if (breakdown->columns[i].unit == BREAKDOWN_ID) {
			printf(" %*s", FIGURE_WIDTH, breakdown->columns[i].heading);
			used += FIGURE_WIDTH + 1;
		}
	printf("  %-*s  %s\n", MARK_WIDTH, "", breakdown_names[seen->by]);
	return used;
}

static void print_several(const struct seen *seen, uint64_t sums[2][BREAKDOWN_FIGURES_MAX],
			  uint64_t count, const char *what)
{
	print_sizes(sums[0][seen->diff.compared], sums[1][seen->diff.compared]);
	print_ids(&seen->sides[0], NULL);
	printf("  %-*s  ", MARK_WIDTH, "");
	if (count)
		printf("%" PRIu64 " ", count);
	printf("%s\n", what);
}

static void print_sides(const struct seen *seen)
{
	static const char *const names[] = {"A", "B"};

	for (unsigned i = 0; i < 2; i++) {
		const struct session *session = seen->sessions[i];
		struct coverage coverage = coverage_of(&session->source, session->guest, 0);

		coverage_print(&coverage, names[i], stdout);
	}
	for (unsigned i = 0; i < 2; i++)
		origin_print_side(names[i], &seen->sessions[i]->source, stdout);
}

static void print_notes(const struct seen *seen)
{
	for (unsigned i = 0; i < 2; i++)
		if (seen->sides[i].note && (i == 0 || seen->sides[i].note != seen->sides[0].note))
			printf("(%s)\n", seen->sides[i].note);
	printf("(compared by %s)\n", seen->sides[1].matched_by);
}

static void print_text(struct seen *seen)
{
	struct breakdown_diff *diff = &seen->diff;

	print_sides(seen);
	unsigned used = print_head(seen);

	for (uint64_t i = 0; i < diff->listed; i++) {
		const struct breakdown_pair *pair = &diff->pairs[i];

		print_sizes(pair->a ? pair->a->figures[diff->compared] : 0,
			    pair->b ? pair->b->figures[diff->compared] : 0);
		print_ids(&seen->sides[0], called(pair));
		printf("  %-*s", MARK_WIDTH, mark(pair));
		breakdown_print_name(called(pair), BREAKDOWN_TABLE_WIDTH + 2 - used, stdout);
	}
	if (diff->count > diff->listed)
		print_several(seen, diff->others, diff->count - diff->listed, "others changed");
	if (diff->unchanged_count)
		print_several(seen, diff->unchanged, diff->unchanged_count, "as large as before");
	print_several(seen, diff->sums, 0, "in all");
	print_notes(seen);
}

/* What both have of each figure, and how much the compared one has grown. */
static void add_both(json *object, const struct breakdown *breakdown, const uint64_t *a,
		     const uint64_t *b)
{
	if (a)
		json_add(object, "a", breakdown_figures_json(breakdown, a, true));
	if (b)
		json_add(object, "b", breakdown_figures_json(breakdown, b, true));
	json_add(object, "growth_bytes",
		 json_signed_number((int64_t)((b ? b[breakdown->compared] : 0) -
					      (a ? a[breakdown->compared] : 0))));
}

static json *pair_json(const struct breakdown *breakdown, const struct breakdown_pair *pair)
{
	const struct breakdown_row *row = called(pair);
	json *object = breakdown_name_json(breakdown, row);

	for (unsigned i = 0; i < breakdown->column_count; i++)
		if (breakdown->columns[i].unit == BREAKDOWN_ID)
			json_add_number(object, breakdown->columns[i].key, row->figures[i]);
	json_add_text(object, "change", *mark(pair) ? mark(pair) : "changed");
	add_both(object, breakdown, pair->a ? pair->a->figures : NULL,
		 pair->b ? pair->b->figures : NULL);
	return object;
}

static void add_several(json *object, const char *key, const struct seen *seen,
			uint64_t sums[2][BREAKDOWN_FIGURES_MAX], uint64_t count)
{
	json *several = json_object_new_object();

	if (count)
		json_add_number(several, "row_count", count);
	add_both(several, &seen->sides[0], sums[0], sums[1]);
	json_add(object, key, several);
}

static json *side_json(const struct session *session)
{
	json *object = session_head(session);

	json_add_number(object, "total_frames", session->guest->frame_count);
	session_add_coverage(object, session, 0);
	return object;
}

static void print_json(struct seen *seen)
{
	struct breakdown_diff *diff = &seen->diff;
	json *root = json_object_new_object(), *object = json_object_new_object(),
	     *rows = json_object_new_array();

	for (uint64_t i = 0; i < diff->listed; i++)
		json_object_array_add(rows, pair_json(&seen->sides[0], &diff->pairs[i]));
	json_add_text(object, "by", breakdown_names[seen->by]);
	json_add_text(object, "compared_by", seen->sides[1].matched_by);
	json_add_text(object, "compared_figure", seen->sides[0].columns[diff->compared].key);
	json_add(object, "rows", rows);
	if (diff->count > diff->listed)
		add_several(object, "others", seen, diff->others, diff->count - diff->listed);
	if (diff->unchanged_count)
		add_several(object, "unchanged", seen, diff->unchanged, diff->unchanged_count);
	add_several(object, "sums", seen, diff->sums, 0);
	json_add(root, "a", side_json(seen->sessions[0]));
	json_add(root, "b", side_json(seen->sessions[1]));
	json_add_flag(root, "same_boot", seen->is_one_boot);
	json_add(root, "growth", object);
	answer_print("diff", root, STATUS_OK);
}

static int compare(struct seen *seen, const struct diff_by_options *options)
{
	const struct guest *a = seen->sessions[0]->guest, *b = seen->sessions[1]->guest;
	struct error err;

	if (a->kind != b->kind)
		return session_refuse(error_set(&err, -EINVAL,
						"a guest of the kind %s and one of the kind %s",
						a->kind->name, b->kind->name),
				      &err);
	seen->is_one_boot = a->boot_id == b->boot_id;
	int result = breakdown_diff_make(&seen->sides[0], &seen->sides[1], seen->is_one_boot,
					 options->limit, &seen->diff, &err);

	if (result < 0)
		return session_refuse(result, &err);
	if (options->json)
		print_json(seen);
	else
		print_text(seen);
	if (!options->json && !seen->is_one_boot)
		fprintf(stderr, DIFF_TWO_BOOTS);
	return STATUS_OK;
}

int diff_by(struct session *a, struct session *b, const struct diff_by_options *options)
{
	struct seen seen = {.by = options->by, .sessions = {a, b}};
	int status = breakdown_look(a, options->by, UINT64_MAX, &seen.sides[0]);

	if (status == STATUS_OK)
		status = breakdown_look(b, options->by, UINT64_MAX, &seen.sides[1]);
	if (status == STATUS_OK)
		status = compare(&seen, options);
	breakdown_diff_free(&seen.diff);
	breakdown_free(&seen.sides[1]);
	breakdown_free(&seen.sides[0]);
	return status;
}
