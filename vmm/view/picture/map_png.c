/* SPDX-License-Identifier: MPL-2.0 */
/* Memory as a PNG: see map_picture.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view/picture/canvas.h"
#include "view/picture/map_picture.h"
#include "view/picture/palette.h"

/* The map is at most a square. Sizes are in pixels. */
#define MAP_SIDE     1024
#define CELL_MAX     16
#define LEFT_MIN     92
#define TOP          44
#define RIGHT        20
#define TEXT_SCALE   2
#define TEXT_WIDTH   (FONT_WIDTH * TEXT_SCALE)
#define TEXT_HEIGHT  (FONT_HEIGHT * TEXT_SCALE)
#define LABELS_APART 64
#define TICK         6
#define LEGEND_GAP   22
#define LEGEND_LINE  26
#define SWATCH       18
#define BROKEN_MIN   6 /* broken frames stay visible however small a cell is */
#define MARK_MIN     8 /* marks as well: a light square in a dark one, as no cell looks */

struct map_grid map_png_grid(uint64_t frames)
{
	struct map_grid grid = {0};

	/* Large cells where they fit. */
	for (unsigned cell = CELL_MAX; cell > 0; cell /= 2) {
		grid = map_grid_fit(frames, MAP_SIDE / cell, MAP_SIDE / cell);
		if (grid.frames_per_cell == 1)
			break;
	}
	return grid;
}

struct drawing {
	const struct map_image *image;
	struct canvas canvas;
	uint8_t colours[MAP_CLASSES_MAX]; /* of the canvas, for each class */
	unsigned cell;
	unsigned left; /* of the map */
	unsigned map_height;
	unsigned legend_columns, legend_width; /* of an entry */
	uint8_t ink, frame_colour, paper;
	uint8_t mark_edge, mark;
};

/* Entries are as wide as the longest. */
static void legend_text(const struct map_class *class, char *text, size_t size)
{
	snprintf(text, size, "%s: %" PRIu64, class->name, class->frames);
}

static void mark_text(const struct map_image *image, char *text, size_t size)
{
	snprintf(text, size, "marked: %" PRIu64, image->marked_frames);
}

static unsigned legend_layout(struct drawing *drawing)
{
	unsigned entries = 0;
	size_t longest = 0;
	char text[80];

	if (drawing->image->marks) {
		mark_text(drawing->image, text, sizeof(text));
		longest = strlen(text);
		entries++;
	}
	for (unsigned i = 0; i < drawing->image->class_count; i++) {
		const struct map_class *class = &drawing->image->classes[i];

		if (class->frames == 0)
			continue;
		legend_text(class, text, sizeof(text));
		longest = strlen(text) > longest ? strlen(text) : longest;
		entries++;
	}
	drawing->legend_width = SWATCH + 8 + ((unsigned)longest + 2) * TEXT_WIDTH;
	drawing->legend_columns = MAP_SIDE / drawing->legend_width;
	if (drawing->legend_columns == 0)
		drawing->legend_columns = 1;
	if (drawing->legend_columns > 4)
		drawing->legend_columns = 4;
	drawing->legend_width = MAP_SIDE / drawing->legend_columns;
	return (entries + drawing->legend_columns - 1) / drawing->legend_columns * LEGEND_LINE;
}

static void draw_frame(struct drawing *drawing, unsigned x, unsigned y, unsigned width,
		       unsigned height)
{
	canvas_fill(&drawing->canvas, x - 1, y - 1, width + 2, height + 2, drawing->frame_colour);
	canvas_fill(&drawing->canvas, x, y, width, height, drawing->paper);
}

static void take_colours(struct drawing *drawing)
{
	struct colour colours[MAP_CLASSES_MAX];

	drawing->paper = canvas_colour(&drawing->canvas, (struct colour){0xff, 0xff, 0xff});
	drawing->ink = canvas_colour(&drawing->canvas, (struct colour){0x20, 0x20, 0x20});
	drawing->frame_colour = canvas_colour(&drawing->canvas, (struct colour){0x80, 0x80, 0x80});
	drawing->mark_edge = canvas_colour(&drawing->canvas, palette_mark_edge);
	drawing->mark = canvas_colour(&drawing->canvas, palette_mark);
	palette_of(drawing->image, colours);
	for (unsigned i = 0; i < drawing->image->class_count; i++)
		drawing->colours[i] = canvas_colour(&drawing->canvas, colours[i]);
}

static void draw_cells(struct drawing *drawing)
{
	const struct map_image *image = drawing->image;

	draw_frame(drawing, drawing->left, TOP, MAP_SIDE, drawing->map_height);
	for (unsigned pass = 0; pass < 2; pass++) {
		bool is_broken = pass == 1; /* on top of the others */
		unsigned side = drawing->cell;

		if (is_broken && side < BROKEN_MIN)
			side = BROKEN_MIN;
		for (unsigned row = 0; row < image->grid.rows; row++)
			for (unsigned column = 0; column < image->grid.columns; column++) {
				uint8_t class = map_image_cell(image, column, row);

				if (class != MAP_NO_CLASS &&
				    image->classes[class].is_broken == is_broken)
					canvas_fill(&drawing->canvas,
						    drawing->left + column * drawing->cell,
						    TOP + row * drawing->cell, side, side,
						    drawing->colours[class]);
			}
	}
}

static void draw_mark(struct drawing *drawing, unsigned x, unsigned y, unsigned side)
{
	canvas_fill(&drawing->canvas, x, y, side, side, drawing->mark_edge);
	canvas_fill(&drawing->canvas, x + side / 4, y + side / 4, side - side / 4 * 2,
		    side - side / 4 * 2, drawing->mark);
}

static void draw_marks(struct drawing *drawing)
{
	const struct map_grid *grid = &drawing->image->grid;
	unsigned side = drawing->cell < MARK_MIN ? MARK_MIN : drawing->cell;

	for (unsigned row = 0; row < grid->rows; row++)
		for (unsigned column = 0; column < grid->columns; column++)
			if (map_image_is_marked(drawing->image, column, row))
				draw_mark(drawing, drawing->left + column * drawing->cell,
					  TOP + row * drawing->cell, side);
}

static void draw_labels(struct drawing *drawing)
{
	const struct map_grid *grid = &drawing->image->grid;
	unsigned every = map_label_rows(drawing->image, LABELS_APART / drawing->cell);
	char text[MAP_SIZE_TEXT];

	for (unsigned row = 0; row < grid->rows; row += every) {
		unsigned y = TOP + row * drawing->cell;
		size_t length =
			strlen(map_size_text(text, map_image_row_address(drawing->image, row)));

		canvas_fill(&drawing->canvas, drawing->left - 1 - TICK, y, TICK, 2,
			    drawing->frame_colour);
		canvas_text(&drawing->canvas,
			    drawing->left - TICK - 6 - (unsigned)length * TEXT_WIDTH,
			    row == 0 ? y : y - TEXT_HEIGHT / 2 + 1, TEXT_SCALE, drawing->ink, text);
	}
}

/* The place of an entry of the legend. */
static void legend_place(const struct drawing *drawing, unsigned entry, unsigned *x, unsigned *y)
{
	*x = drawing->left + entry % drawing->legend_columns * drawing->legend_width;
	*y = TOP + drawing->map_height + LEGEND_GAP + entry / drawing->legend_columns * LEGEND_LINE;
}

static void draw_legend(struct drawing *drawing)
{
	unsigned entry = 0, x, y;
	char text[80];

	for (unsigned i = 0; i < drawing->image->class_count; i++) {
		const struct map_class *class = &drawing->image->classes[i];

		if (class->frames == 0)
			continue;
		legend_place(drawing, entry++, &x, &y);
		draw_frame(drawing, x, y, SWATCH, SWATCH);
		canvas_fill(&drawing->canvas, x, y, SWATCH, SWATCH, drawing->colours[i]);
		legend_text(class, text, sizeof(text));
		canvas_text(&drawing->canvas, x + SWATCH + 8, y + 2, TEXT_SCALE, drawing->ink,
			    text);
	}
	if (!drawing->image->marks)
		return;
	legend_place(drawing, entry, &x, &y);
	draw_mark(drawing, x, y, SWATCH);
	mark_text(drawing->image, text, sizeof(text));
	canvas_text(&drawing->canvas, x + SWATCH + 8, y + 2, TEXT_SCALE, drawing->ink, text);
}

int map_write_png(const struct map_image *image, const char *name, const char *path,
		  struct error *err)
{
	struct drawing drawing = {.image = image, .cell = MAP_SIDE / image->grid.columns};
	char title[MAP_TITLE_TEXT];

	drawing.map_height = image->grid.rows * drawing.cell;
	unsigned label = map_label_length(image, LABELS_APART / drawing.cell) * TEXT_WIDTH;

	drawing.left = LEFT_MIN < TICK + 8 + label ? TICK + 8 + label : LEFT_MIN;
	unsigned legend_height = legend_layout(&drawing);
	int result = canvas_init(&drawing.canvas, drawing.left + MAP_SIDE + RIGHT,
				 TOP + drawing.map_height + LEGEND_GAP + legend_height + 8, err);

	if (result < 0)
		return result;
	take_colours(&drawing);
	canvas_text(&drawing.canvas, drawing.left, 14, TEXT_SCALE, drawing.ink,
		    map_title_text(title, image, name));
	draw_cells(&drawing);
	draw_marks(&drawing);
	draw_labels(&drawing);
	draw_legend(&drawing);
	result = canvas_write_png(&drawing.canvas, path, err);
	canvas_destroy(&drawing.canvas);
	return result;
}
