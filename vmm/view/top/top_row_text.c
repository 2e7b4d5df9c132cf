/* SPDX-License-Identifier: MPL-2.0 */
/* Lines of the table of rows: see top_row_text.h. */
#include "view/top/top_row_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number_text.h"
#include "view/breakdown_text.h"

#define FIGURE_MIN   6
#define GROWTH_WIDTH 8
#define NAME_LEAST   16
#define NAME_GOOD    18 /* a rate, which the growth says as well, is for those who have room */

char *top_growth_text(char text[TOP_GROWTH_TEXT], double bytes)
{
	static const char units[] = "KMGT";
	double amount = bytes < 0 ? -bytes : bytes;
	unsigned unit = 0;

	text[0] = '\0';
	if (amount == 0)
		return text;
	amount /= 1024;
	while (amount >= 999.95 && unit + 2 < sizeof(units)) {
		amount /= 1024;
		unit++;
	}
	/* What counts whole pages has whole kilobytes; a rate may have less. */
	if (amount > 9999)
		amount = 9999;
	snprintf(text, TOP_GROWTH_TEXT, "%c%.*f%c", bytes < 0 ? '-' : '+', unit > 0 || amount < 1,
		 amount, units[unit]);
	return text;
}

__attribute__((format(printf, 2, 3))) static void append(char line[TOP_ROW_LINE],
							 const char *format, ...)
{
	const size_t length = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + length, TOP_ROW_LINE - length, format, arguments);
	va_end(arguments);
}

static void figure_text(const struct breakdown_column *column, uint64_t figure,
			char text[NUMBER_TEXT_SIZE])
{
	if (column->unit == BREAKDOWN_BYTES)
		snprintf(text, NUMBER_TEXT_SIZE, "%.1f", (double)figure / (1 << 20));
	else
		snprintf(text, NUMBER_TEXT_SIZE, "%" PRIu64, figure);
}

/* Sums are as wide as anything above them; what has no sum is looked through. */
static unsigned width_of(const struct breakdown *table, unsigned column)
{
	const struct breakdown_column *of = &table->columns[column];
	uint64_t largest = table->sums[column];
	char text[NUMBER_TEXT_SIZE];
	unsigned width = (unsigned)strlen(of->heading);

	for (uint64_t i = 0; !breakdown_unit_has_sum(of->unit) && i < table->row_count; i++)
		if (table->rows[i].figures[column] > largest)
			largest = table->rows[i].figures[column];
	figure_text(of, largest, text);
	if (strlen(text) > width)
		width = (unsigned)strlen(text);
	return width > FIGURE_MIN ? width : FIGURE_MIN;
}

struct top_row_layout top_row_layout(const struct top_model *model, unsigned width)
{
	const struct top_rows *rows = &model->sample->rows;
	const struct breakdown *table = &rows->table;
	struct top_row_layout layout = {.width = width, .has_growth = true, .has_rate = true};
	unsigned used = 2 * (GROWTH_WIDTH + 1) + 1;

	for (unsigned i = 0; i < table->column_count; i++) {
		layout.widths[i] = width_of(table, i);
		used += layout.widths[i] + (i > 0);
	}
	layout.column_count = table->column_count;
	if (used + NAME_GOOD > width) {
		layout.has_rate = false;
		used -= GROWTH_WIDTH + 1;
	}
	while (used + NAME_LEAST > width && layout.column_count > table->compared + 1)
		used -= layout.widths[--layout.column_count] + 1;
	if (used + NAME_LEAST > width) {
		layout.has_growth = false;
		used -= GROWTH_WIDTH + 1;
	}
	layout.name_width = width > used + 1 ? width - used - 1 : 0;
	return layout;
}

static void put_growth(const struct top_row_layout *layout, const char *growth, const char *rate,
		       char line[TOP_ROW_LINE])
{
	if (layout->has_growth)
		append(line, " %*s", GROWTH_WIDTH, growth);
	if (layout->has_rate)
		append(line, " %*s", GROWTH_WIDTH, rate);
}

char *top_row_heading(const struct top_model *model, const struct top_row_layout *layout,
		      char line[TOP_ROW_LINE])
{
	const struct top_rows *rows = &model->sample->rows;

	line[0] = '\0';
	for (unsigned i = 0; i < layout->column_count; i++) {
		append(line, "%s%*s", i ? " " : "", (int)layout->widths[i],
		       rows->table.columns[i].heading);
		if (i == rows->table.compared)
			put_growth(layout, "change", "a second", line);
	}
	append(line, "  %s", breakdown_names[rows->by]);
	return line;
}

static void put_figures(const struct top_model *model, const struct top_row_layout *layout,
			const uint64_t *figures, const struct top_growth *growth, bool is_sum,
			char line[TOP_ROW_LINE])
{
	const struct top_rows *rows = &model->sample->rows;
	char text[NUMBER_TEXT_SIZE], change[TOP_GROWTH_TEXT], rate[TOP_GROWTH_TEXT] = "";

	top_growth_text(change, (double)growth->bytes);
	if (growth->is_new)
		snprintf(rate, sizeof(rate), "new");
	else if (rows->compared_ns)
		top_growth_text(rate, (double)growth->bytes * (double)NS_PER_S /
					      (double)rows->compared_ns);
	line[0] = '\0';
	for (unsigned i = 0; i < layout->column_count; i++) {
		const struct breakdown_column *column = &rows->table.columns[i];

		figure_text(column, figures[i], text);
		append(line, "%s%*s", i ? " " : "", (int)layout->widths[i],
		       is_sum && !breakdown_unit_has_sum(column->unit) ? "" : text);
		if (i == rows->table.compared)
			put_growth(layout, change, rate, line);
	}
}

char *top_row_line(const struct top_model *model, const struct top_row_layout *layout,
		   unsigned place, char line[TOP_ROW_LINE])
{
	const struct top_rows *rows = &model->sample->rows;
	const struct breakdown_row *row = &rows->table.rows[model->rows[place]];

	put_figures(model, layout, row->figures, &rows->growth[model->rows[place]], false, line);
	append(line, "  ");
	const size_t length = strlen(line);

	breakdown_name_text(row, layout->name_width, line + length, TOP_ROW_LINE - length);
	return line;
}

char *top_row_sums(const struct top_model *model, const struct top_row_layout *layout,
		   char line[TOP_ROW_LINE])
{
	const struct top_rows *rows = &model->sample->rows;
	const bool is_all = model->row_filter[0] == '\0';
	const struct top_growth growth = {is_all ? rows->growth_bytes : model->row_growth, false};

	put_figures(model, layout, is_all ? rows->table.sums : model->row_sums, &growth, true,
		    line);
	append(line, is_all ? "  in all" : "  in these");
	return line;
}
