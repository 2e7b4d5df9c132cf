/* SPDX-License-Identifier: MPL-2.0 */
/* A table of what has a guest's memory: see stat_by.h. */
#include "cli/stat_by.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/number_text.h"
#include "base/printable.h"
#include "cli/exit_status.h"
#include "kind/kind.h"
#include "view/answer.h"

#define TABLE_WIDTH  80
#define FIGURE_WIDTH 9
#define CUT          "..."

bool stat_by_parse(const char *text, enum breakdown_by *by)
{
	for (int i = 0; i < BREAKDOWN_COUNT; i++) {
		*by = (enum breakdown_by)i;
		if (strcmp(text, breakdown_names[i]) == 0)
			return true;
	}
	return false;
}

static void print_figures(const struct breakdown *breakdown, const uint64_t *figures, bool is_sum)
{
	for (unsigned i = 0; i < breakdown->column_count; i++) {
		const char *blank = i ? " " : "";

		if (breakdown->columns[i].unit == BREAKDOWN_BYTES)
			printf("%s%*.1f", blank, FIGURE_WIDTH, (double)figures[i] / (1 << 20));
		else if (is_sum && breakdown->columns[i].unit == BREAKDOWN_ID)
			printf("%s%*s", blank, FIGURE_WIDTH, "");
		else
			printf("%s%*" PRIu64, blank, FIGURE_WIDTH, figures[i]);
	}
}

/* Of a name that is too long the end says more. It stays UTF-8: it begins with a whole character. */
static void print_name(const struct breakdown_row *row, unsigned width)
{
	const char *name = row->name ? row->name : "unknown";
	unsigned used = 2;

	printf("  ");
	if (row->group[0]) {
		printf("%s ", row->group);
		used += printable_width(row->group) + 1;
	}
	if (used + printable_width(name) > width) {
		while (*name && used + sizeof(CUT) - 1 + printable_width(name) > width)
			do
				name++;
			while ((*name & 0xc0) == 0x80);
		printf(CUT);
	}
	printf("%s\n", name);
}

static void print_text(const struct session *session, enum breakdown_by by,
		       const struct breakdown *breakdown)
{
	unsigned left = TABLE_WIDTH + 1 - breakdown->column_count * (FIGURE_WIDTH + 1);

	session_print_coverage(session, 0, stdout);
	for (unsigned i = 0; i < breakdown->column_count; i++)
		printf("%s%*s", i ? " " : "", FIGURE_WIDTH, breakdown->columns[i].heading);
	printf("  %s\n", breakdown_names[by]);
	for (uint64_t i = 0; i < breakdown->row_count; i++) {
		print_figures(breakdown, breakdown->rows[i].figures, false);
		print_name(&breakdown->rows[i], left);
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

static json *figures_json(const struct breakdown *breakdown, const uint64_t *figures, bool is_sum)
{
	json *object = json_object_new_object();

	for (unsigned i = 0; i < breakdown->column_count; i++)
		if (!is_sum || breakdown->columns[i].unit != BREAKDOWN_ID)
			json_add_number(object, breakdown->columns[i].key, figures[i]);
	return object;
}

static json *row_json(const struct breakdown *breakdown, const struct breakdown_row *row)
{
	json *object = json_object_new_object();

	if (row->name)
		json_add_text(object, "name", row->name);
	if (row->group[0])
		json_add_text(object, breakdown->group_key, row->group);
	json_add_members(object, figures_json(breakdown, row->figures, false));
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
		json *others = figures_json(breakdown, breakdown->others, true);

		json_add_number(others, "row_count", breakdown->other_count);
		json_add(object, "others", others);
	}
	json_add(object, "sums", figures_json(breakdown, breakdown->sums, true));
	json_add_text(root, "kind", session->guest->kind->name);
	if (session->guest->system)
		json_add_text(root, "system", session->guest->system);
	json_add_number(root, "memory_bytes", source_memory_size(&session->source));
	session_add_coverage(root, session, 0);
	json_add(root, "breakdown", object);
	answer_print("stat", root, STATUS_OK);
}

/* A capture of the metadata alone, made by an older version, has the records and nothing that they point at. */
static bool has_names(const struct session *session, const struct breakdown *breakdown)
{
	for (uint64_t i = 0; i < breakdown->row_count; i++)
		if (breakdown->rows[i].name)
			return true;
	return session->source.has_all_memory;
}

static int refuse_nameless(enum breakdown_by by)
{
	struct error err;

	error_set(&err, -EINVAL, "the capture has no names for --by %s: capture again",
		  breakdown_names[by]);
	return session_refuse(-EINVAL, &err);
}

int stat_by(struct session *session, const struct stat_by_options *options)
{
	struct breakdown breakdown;
	struct error err;
	int status = session_look(session, GUEST_HAS_FRAMES);

	if (status != STATUS_OK)
		return status;

	int result = guest_breakdown(session->guest, options->by, options->limit, &breakdown, &err);

	if (result == -EFAULT || result == -ENOTCONN)
		status = session_lost(&session->source, err.text);
	else if (result < 0)
		status = session_refuse(result, &err);
	else
		status = session_still(session);
	if (result == 0 && status == STATUS_OK && !has_names(session, &breakdown))
		status = refuse_nameless(options->by);
	if (result == 0 && status == STATUS_OK) {
		if (session->options.json)
			print_json(session, options->by, &breakdown);
		else
			print_text(session, options->by, &breakdown);
	}
	breakdown_free(&breakdown);
	return status;
}
