/* SPDX-License-Identifier: MPL-2.0 */
/* Memory as an SVG: see map_picture.h. Adjacent cells of one class in a row form one rectangle, with a tooltip. */
#include <inttypes.h>
#include <string.h>

#include "view/picture/map_picture.h"
#include "view/picture/palette.h"
#include "view/picture/picture_file.h"

/* Bounds the number of rectangles, so that viewers stay fast. Sizes are in pixels from here on. */
#define GRID_COLUMNS 128
#define GRID_ROWS    128
#define CELL         8
#define LEFT_MIN     72
#define CHARACTER    8 /* of a label */
#define TOP          40
#define RIGHT        16
#define LABELS_APART 32
#define LEGEND_LINE  22
#define LEGEND_WIDTH 256
#define TEXT_COLOUR  "#202020"

struct map_grid map_svg_grid(uint64_t frames)
{
	return map_grid_fit(frames, GRID_COLUMNS, GRID_ROWS);
}

/* Of the map: labels that begin at no round address are longer. */
static unsigned left_of(const struct map_image *image)
{
	unsigned labels = map_label_length(image, LABELS_APART / CELL) * CHARACTER + 16;

	return labels < LEFT_MIN ? LEFT_MIN : labels;
}

/* Names are untrusted. */
static void put_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			/* XML does not allow control characters, and other bytes may not be UTF-8. */
			putc(*text >= ' ' && *text <= '~' ? *text : '?', out);
		}
	}
}

static void put_fill(struct colour colour, FILE *out)
{
	fprintf(out, "fill=\"#%02x%02x%02x\"", colour.red, colour.green, colour.blue);
}

/* The cells [column, end) of a row. */
static void put_run(const struct map_image *image, unsigned row, unsigned column, unsigned end,
		    FILE *out)
{
	const struct map_grid *grid = &image->grid;
	uint64_t first = image->first.index +
			 ((uint64_t)row * grid->columns + column) * grid->frames_per_cell;
	uint64_t last = first + (end - column) * grid->frames_per_cell;

	if (last > image->first.index + image->frame_count)
		last = image->first.index + image->frame_count;
	fprintf(out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"><title>",
		left_of(image) + column * CELL, TOP + row * CELL, (end - column) * CELL, CELL);
	fprintf(out, "%#" PRIx64 " to %#" PRIx64 ": ", first * PAGE_SIZE, last * PAGE_SIZE - 1);
	put_text(image->classes[map_image_cell(image, column, row)].name, out);
	fputs("</title></rect>\n", out);
}

static void put_class(const struct map_image *image, unsigned class, struct colour colour,
		      FILE *out)
{
	fputs("<g ", out);
	put_fill(colour, out);
	fputs(">\n", out);
	for (unsigned row = 0; row < image->grid.rows; row++) {
		for (unsigned column = 0; column < image->grid.columns;) {
			unsigned end = column + 1;

			while (end < image->grid.columns &&
			       map_image_cell(image, end, row) ==
				       map_image_cell(image, column, row))
				end++;
			if (map_image_cell(image, column, row) == class)
				put_run(image, row, column, end, out);
			column = end;
		}
	}
	fputs("</g>\n", out);
}

static void put_labels(const struct map_image *image, FILE *out)
{
	unsigned every = map_label_rows(image, LABELS_APART / CELL);
	char text[MAP_SIZE_TEXT];

	fputs("<g font-size=\"13\" text-anchor=\"end\">\n", out);
	for (unsigned row = 0; row < image->grid.rows; row += every)
		fprintf(out, "<text x=\"%u\" y=\"%u\">%s</text>\n", left_of(image) - 8,
			TOP + row * CELL + 11,
			map_size_text(text, map_image_row_address(image, row)));
	fputs("</g>\n", out);
}

static void put_mark(unsigned x, unsigned y, unsigned side, FILE *out)
{
	fprintf(out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" ", x, y, side, side);
	put_fill(palette_mark_edge, out);
	fprintf(out, "/><rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" ", x + side / 4,
		y + side / 4, side - side / 4 * 2, side - side / 4 * 2);
	put_fill(palette_mark, out);
	fputs("/>\n", out);
}

/* They leave the tooltips of the cells below them to be seen. */
static void put_marks(const struct map_image *image, FILE *out)
{
	fputs("<g class=\"marks\" pointer-events=\"none\">\n", out);
	for (unsigned row = 0; row < image->grid.rows; row++)
		for (unsigned column = 0; column < image->grid.columns; column++)
			if (map_image_is_marked(image, column, row))
				put_mark(left_of(image) + column * CELL, TOP + row * CELL, CELL,
					 out);
	fputs("</g>\n", out);
}

/* The place of an entry of the legend. */
static void legend_place(const struct map_image *image, unsigned top, unsigned entry, unsigned *x,
			 unsigned *y)
{
	unsigned columns = GRID_COLUMNS * CELL / LEGEND_WIDTH;

	*x = left_of(image) + entry % columns * LEGEND_WIDTH;
	*y = top + entry / columns * LEGEND_LINE;
}

static void put_legend(const struct map_image *image, const struct colour *colours, unsigned top,
		       FILE *out)
{
	unsigned entry = 0, x, y;

	fputs("<g font-size=\"14\">\n", out);
	for (unsigned i = 0; i < image->class_count; i++) {
		const struct map_class *class = &image->classes[i];

		if (class->frames == 0)
			continue;
		legend_place(image, top, entry++, &x, &y);
		fprintf(out,
			"<rect x=\"%u\" y=\"%u\" width=\"16\" height=\"14\" stroke=\"#808080\" ", x,
			y);
		put_fill(colours[i], out);
		fprintf(out, "/>\n<text x=\"%u\" y=\"%u\">", x + 24, y + 12);
		put_text(class->name, out);
		fprintf(out, ": %" PRIu64 "</text>\n", class->frames);
	}
	if (image->marks) {
		legend_place(image, top, entry, &x, &y);
		put_mark(x + 1, y, 14, out);
		fprintf(out, "<text x=\"%u\" y=\"%u\">marked: %" PRIu64 "</text>\n", x + 24, y + 12,
			image->marked_frames);
	}
	fputs("</g>\n", out);
}

static unsigned legend_height(const struct map_image *image)
{
	unsigned columns = GRID_COLUMNS * CELL / LEGEND_WIDTH;
	unsigned entries = image->marks ? 1 : 0;

	for (unsigned i = 0; i < image->class_count; i++)
		entries += image->classes[i].frames > 0;
	return (entries + columns - 1) / columns * LEGEND_LINE;
}

int map_write_svg(const struct map_image *image, const char *name, const char *path,
		  struct error *err)
{
	unsigned legend = TOP + image->grid.rows * CELL + 16;
	unsigned left = left_of(image);
	unsigned width = left + image->grid.columns * CELL + RIGHT;
	unsigned height = legend + legend_height(image) + 8;
	struct colour colours[MAP_CLASSES_MAX];
	struct picture_file file;
	char title[MAP_TITLE_TEXT];
	int result = picture_file_open(&file, path, err);

	if (result < 0)
		return result;
	palette_of(image, colours);
	fprintf(file.stream,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" font-family=\"sans-serif\" fill=\"" TEXT_COLOUR "\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text x=\"%u\" y=\"26\" font-size=\"17\">",
		width, height, width, height, left);
	put_text(map_title_text(title, image, name), file.stream);
	fputs("</text>\n", file.stream);
	put_labels(image, file.stream);
	fputs("<g shape-rendering=\"crispEdges\">\n", file.stream);
	for (unsigned i = 0; i < image->class_count; i++)
		if (image->classes[i].frames > 0)
			put_class(image, i, colours[i], file.stream);
	if (image->marks)
		put_marks(image, file.stream);
	fputs("</g>\n", file.stream);
	put_legend(image, colours, legend, file.stream);
	fputs("</svg>\n", file.stream);
	return picture_file_finish(&file, err);
}
