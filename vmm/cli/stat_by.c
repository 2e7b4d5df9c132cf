/* SPDX-License-Identifier: MPL-2.0 */
/* A table of what has a guest's memory: see stat_by.h. */
#include "cli/stat_by.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/number_text.h"
#include "cli/breakdown_look.h"
#include "cli/exit_status.h"
#include "kind/kind.h"
#include "view/answer.h"
#include "view/breakdown_text.h"

#define FIGURE_WIDTH BREAKDOWN_FIGURE_WIDTH

static void print_figures(const struct breakdown *breakdown, const uint64_t *figures, bool is_sum)
{
	for (unsigned i = 0; i < breakdown->column_count; i++) {
		const char *blank = i ? " " : "";

		if (breakdown->columns[i].unit == BREAKDOWN_BYTES)
			printf("%s%*.1f", blank, FIGURE_WIDTH, (double)figures[i] / (1 << 20));
		else if (is_sum && !breakdown_unit_has_sum(breakdown->columns[i].unit))
			printf("%s%*s", blank, FIGURE_WIDTH, "");
		else
			printf("%s%*" PRIu64, blank, FIGURE_WIDTH, figures[i]);
	}
}

static void print_text(const struct session *session, enum breakdown_by by,
		       const struct breakdown *breakdown)
{
	unsigned left = BREAKDOWN_TABLE_WIDTH + 1 - breakdown->column_count * (FIGURE_WIDTH + 1);

	session_print_coverage(session, 0, stdout);
	for (unsigned i = 0; i < breakdown->column_count; i++)
		printf("%s%*s", i ? " " : "", FIGURE_WIDTH, breakdown->columns[i].heading);
	printf("  %s\n", breakdown_names[by]);
	for (uint64_t i = 0; i < breakdown->row_count; i++) {
		print_figures(breakdown, breakdown->rows[i].figures, false);
		breakdown_print_name(&breakdown->rows[i], left, stdout);
	}
	if (breakdown->other_count) {
		print_figures(breakdown, breakdown->others, true);
		printf("  %" PRIu64 " other%s\n", breakdown->other_count,
		       plural(breakdown->other_count));
	}
	print_figures(breakdown, breakdown->sums, true);
	printf("  in all\n");
	if (breakdown->note)
		printf("(%s)\n", breakdown->note);
}

static json *row_json(const struct breakdown *breakdown, const struct breakdown_row *row)
{
	json *object = breakdown_name_json(breakdown, row);

	json_add_members(object, breakdown_figures_json(breakdown, row->figures, false));
	return object;
}

static void print_json(const struct session *session, enum breakdown_by by,
		       const struct breakdown *breakdown)
{
	json *root = session_head(session), *object = json_object_new_object(),
	     *rows = json_object_new_array();

	for (uint64_t i = 0; i < breakdown->row_count; i++)
		json_object_array_add(rows, row_json(breakdown, &breakdown->rows[i]));
	json_add_text(object, "by", breakdown_names[by]);
	json_add(object, "rows", rows);
	if (breakdown->other_count) {
		json *others = breakdown_figures_json(breakdown, breakdown->others, true);

		json_add_number(others, "row_count", breakdown->other_count);
		json_add(object, "others", others);
	}
	json_add(object, "sums", breakdown_figures_json(breakdown, breakdown->sums, true));
	json_add_text(root, "kind", session->guest->kind->name);
	if (session->guest->system)
		json_add_text(root, "system", session->guest->system);
	json_add_number(root, "memory_bytes", source_memory_size(&session->source));
	session_add_coverage(root, session, 0);
	json_add(root, "breakdown", object);
	answer_print("stat", root, STATUS_OK);
}

int stat_by(struct session *session, const struct stat_by_options *options)
{
	struct breakdown breakdown;
	int status = breakdown_look(session, options->by, options->limit, &breakdown);

	if (status == STATUS_OK && session->options.json)
		print_json(session, options->by, &breakdown);
	else if (status == STATUS_OK)
		print_text(session, options->by, &breakdown);
	breakdown_free(&breakdown);
	return status;
}
