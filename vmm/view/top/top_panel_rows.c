/* SPDX-License-Identifier: MPL-2.0 */
/* The panel of rows: what has the guest's memory, as a table. */
#include "view/top/top_panels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "view/top/top_row_text.h"

#define TITLE_MAX  400
#define OWN_LINES  3 /* a title, headings, sums */
#define NAME_START 2 /* behind the figures */

unsigned top_rows_room(struct top_area area)
{
	return area.height > OWN_LINES ? (unsigned)(area.height - OWN_LINES) : 0;
}

static const char *sort_name(enum top_sort sort)
{
	return sort == TOP_BY_COUNT ? "size" : top_sort_name(sort);
}

/* "FILES by size, 1-17 of 517, with "log": ..." */
static void draw_title(const struct top_picture *picture, struct top_area area)
{
	const struct top_model *model = picture->model;
	const struct top_state *state = picture->state;
	const struct top_rows *rows = &model->sample->rows;
	const unsigned room = top_rows_room(area), first = state->first_row;
	char text[TITLE_MAX];
	int used;

	used = snprintf(text, sizeof(text), "BY %s, sorted by %s, ", breakdown_names[rows->by],
			sort_name(state->sort));
	if (model->row_count > room)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%u-%u of ", first + 1,
				 first + room < model->row_count ? first + room : model->row_count);
	used += snprintf(text + used, sizeof(text) - (size_t)used, "%" PRIu32, model->row_count);
	if (rows->table.other_count)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
				 " and %" PRIu64 " smaller ones", rows->table.other_count);
	if (model->row_filter[0])
		used += snprintf(text + used, sizeof(text) - (size_t)used, " that match %s",
				 model->row_filter);
	if (rows->compared_ns && state->request.table.keeps_base)
		snprintf(text + used, sizeof(text) - (size_t)used, ", change in %.0f s",
			 (double)rows->compared_ns / (double)NS_PER_S);
	top_put(area.y, area.x, area.width, TOP_STRONG, "%s", text);
}

static void draw_rows(const struct top_picture *picture, struct top_area area)
{
	const struct top_model *model = picture->model;
	const struct top_row_layout layout = top_row_layout(model, (unsigned)area.width);
	const unsigned room = top_rows_room(area), first = picture->state->first_row;
	char line[TOP_ROW_LINE];
	int y = area.y + 1;

	top_put(y, area.x, area.width, TOP_PLAIN, "%s", top_row_heading(model, &layout, line));
	top_fill(y++, area.x, area.width, TOP_HEADING);
	for (unsigned i = first; i < model->row_count && i < first + room; i++) {
		const bool is_new = model->sample->rows.growth[model->rows[i]].bytes != 0;

		top_put(y++, area.x, area.width, is_new ? TOP_STRONG : TOP_PLAIN, "%s",
			top_row_line(model, &layout, i, line));
	}
	if (area.height >= OWN_LINES)
		top_put(y, area.x, area.width, TOP_FAINT, "%s", top_row_sums(model, &layout, line));
}

/* A sample that was asked for before the key says nothing about these. */
void top_panel_rows(const struct top_picture *picture, struct top_area area)
{
	const struct top_rows *rows = &picture->model->sample->rows;
	const struct top_rows_request *request = &picture->state->request.table;

	if (rows->is_known && rows->by == request->by) {
		draw_title(picture, area);
		draw_rows(picture, area);
		return;
	}
	top_put(area.y, area.x, area.width, TOP_STRONG, "BY %s", breakdown_names[request->by]);
	if (area.height > 1)
		top_put(area.y + 1, area.x, area.width, TOP_FAINT, "%s",
			rows->by == request->by && rows->problem.text[0]
				? rows->problem.text
				: "known after the next look");
}
