/* SPDX-License-Identifier: MPL-2.0 */
/* Lines of the table of rows in `pagevisor top`, for the screen and for pipes. */
#ifndef VMM_TOP_ROW_TEXT_H
#define VMM_TOP_ROW_TEXT_H

#include "view/top/top_model.h"

/* Of a line that is as wide as a layout: up to four bytes for a character. */
#define TOP_ROW_LINE 1024

/* Which columns fit, and how wide they are: the first figures, up to the one that is compared, always; then the name. */
struct top_row_layout {
	unsigned width; /* of a line */
	unsigned column_count;
	bool has_growth, has_rate;
	unsigned widths[BREAKDOWN_FIGURES_MAX];
	unsigned name_width;
};

/* The model has rows. */
struct top_row_layout top_row_layout(const struct top_model *model, unsigned width);

/* The line above the table; one of it, by its place in the order; and the last one, with the sums of what is listed. */
char *top_row_heading(const struct top_model *model, const struct top_row_layout *layout,
		      char line[TOP_ROW_LINE]);
char *top_row_line(const struct top_model *model, const struct top_row_layout *layout,
		   unsigned place, char line[TOP_ROW_LINE]);
char *top_row_sums(const struct top_model *model, const struct top_row_layout *layout,
		   char line[TOP_ROW_LINE]);

/* "+12K", "-1.5M", in up to 8 characters; empty for zero. */
#define TOP_GROWTH_TEXT 16
char *top_growth_text(char text[TOP_GROWTH_TEXT], double bytes);

#endif
