/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The panels of `pagevisor top`: each draws one side of a model into its area. To add one, declare its function here
 * and add a line to the table of top_screen.c.
 */
#ifndef VMM_TOP_PANELS_H
#define VMM_TOP_PANELS_H

#include "view/top/top_draw.h"
#include "view/top/top_keys.h"
#include "view/top/top_model.h"

struct top_picture {
	const struct top_terminal *terminal;
	const struct top_model *model; /* with a sample */
	const struct top_state *state;
	const struct top_mark *marks; /* of the sample's map */
};

void top_panel_types(const struct top_picture *picture, struct top_area area);
void top_panel_callers(const struct top_picture *picture, struct top_area area);
void top_panel_states(const struct top_picture *picture, struct top_area area);
void top_panel_references(const struct top_picture *picture, struct top_area area);
void top_panel_allocator(const struct top_picture *picture, struct top_area area);
/* A table on the whole width; its first line is a heading, and its last the sums. */
void top_panel_rows(const struct top_picture *picture, struct top_area area);
void top_panel_map(const struct top_picture *picture, struct top_area area);

/* How many rows of a table fit into an area. */
unsigned top_rows_room(struct top_area area);

/* How many cells of the map fit into an area. */
void top_map_room(const struct top_terminal *terminal, struct top_area area, unsigned *columns,
		  unsigned *rows);

#endif
