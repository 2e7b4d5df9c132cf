/* SPDX-License-Identifier: MPL-2.0 */
/* Memory as text: see map_picture.h. */
#include <inttypes.h>
#include <stdbool.h>

#include "view/picture/map_picture.h"
#include "view/picture/palette.h"

#define LABEL_WIDTH  7 /* an address before the first column, and a space after it */
#define COLUMNS_MIN  16
#define COLUMNS_MAX  256
#define LINES_MAX    32
#define LABELS_APART 4 /* lines */

struct map_grid map_text_grid(uint64_t frames, unsigned width, enum map_colours colours)
{
	unsigned columns = COLUMNS_MIN;

	while (columns * 2 <= COLUMNS_MAX && LABEL_WIDTH + 1 + columns * 2 <= width)
		columns *= 2;
	return map_grid_fit(frames, columns, colours == MAP_LETTERS ? LINES_MAX : 2 * LINES_MAX);
}

/* What the terminal can do, and the colours of the classes. */
struct ink {
	enum map_colours depth;
	struct colour colours[MAP_CLASSES_MAX];
};

static void set_colour(const struct ink *ink, unsigned what, unsigned class, FILE *out)
{
	struct colour colour = ink->colours[class];

	if (ink->depth == MAP_24_BIT)
		fprintf(out, "\033[%u;2;%u;%u;%um", what, colour.red, colour.green, colour.blue);
	else
		fprintf(out, "\033[%u;5;%um", what, palette_terminal_index(colour));
}

#define FOREGROUND 38
#define BACKGROUND 48
#define RESET      "\033[0m"
#define HALF_BLOCK "\xe2\x96\x80" /* the upper half in the foreground colour */

static void print_label(const struct map_image *image, unsigned row, unsigned rows_of_line,
			FILE *out)
{
	unsigned every = map_label_rows(image, LABELS_APART * rows_of_line);
	uint64_t address = image->grid.frames_per_cell * PAGE_SIZE * image->grid.columns * row;
	char text[MAP_SIZE_TEXT] = "";

	fprintf(out, "%*s ", LABEL_WIDTH, row % every ? "" : map_size_text(text, address));
}

static void print_letters(const struct map_image *image, unsigned row, FILE *out)
{
	for (unsigned column = 0; column < image->grid.columns; column++) {
		uint8_t class = map_image_cell(image, column, row);

		if (class != MAP_NO_CLASS)
			putc(image->classes[class].letter, out);
	}
}

/* Prints two rows of cells in one line. Colours are set only where they change. */
static void print_blocks(const struct map_image *image, unsigned row, const struct ink *ink,
			 FILE *out)
{
	int upper_set = -1, lower_set = -1;

	for (unsigned column = 0; column < image->grid.columns; column++) {
		uint8_t upper = map_image_cell(image, column, row);
		uint8_t lower = row + 1 < image->grid.rows ? map_image_cell(image, column, row + 1)
							   : MAP_NO_CLASS;

		if (upper == MAP_NO_CLASS)
			break;
		if (upper != upper_set)
			set_colour(ink, FOREGROUND, upper, out);
		if (lower == MAP_NO_CLASS && lower != lower_set)
			fprintf(out, "\033[49m");
		else if (lower != lower_set)
			set_colour(ink, BACKGROUND, lower, out);
		upper_set = upper;
		lower_set = lower;
		fputs(HALF_BLOCK, out);
	}
	fputs(RESET, out);
}

static void print_swatch(const struct map_image *image, unsigned class, const struct ink *ink,
			 FILE *out)
{
	if (ink->depth == MAP_LETTERS) {
		fprintf(out, "%c ", image->classes[class].letter);
		return;
	}
	set_colour(ink, BACKGROUND, class, out);
	fprintf(out, "  " RESET " ");
}

static void print_legend(const struct map_image *image, unsigned width, const struct ink *ink,
			 FILE *out)
{
	unsigned used = 0;

	for (unsigned i = 0; i < image->class_count; i++) {
		const struct map_class *class = &image->classes[i];
		char text[64];

		if (class->frames == 0)
			continue;
		unsigned length = (unsigned)snprintf(text, sizeof(text), "%s: %" PRIu64,
						     class->name, class->frames);

		if (used > 0 && used + 3 + length + 3 > width) {
			putc('\n', out);
			used = 0;
		}
		fputs(used > 0 ? "   " : "", out);
		print_swatch(image, i, ink, out);
		fputs(text, out);
		used += (used > 0 ? 3 : 0) + length + (ink->depth == MAP_LETTERS ? 2 : 3);
	}
	putc('\n', out);
}

void map_print(const struct map_image *image, const char *name, unsigned width,
	       enum map_colours colours, FILE *out)
{
	unsigned rows_of_line = colours == MAP_LETTERS ? 1 : 2;
	struct ink ink = {.depth = colours};
	char title[MAP_TITLE_TEXT];

	palette_of(image, ink.colours);
	fprintf(out, "%s\n", map_title_text(title, image, name));
	for (unsigned row = 0; row < image->grid.rows; row += rows_of_line) {
		print_label(image, row, rows_of_line, out);
		if (colours == MAP_LETTERS)
			print_letters(image, row, out);
		else
			print_blocks(image, row, &ink, out);
		putc('\n', out);
	}
	print_legend(image, width, &ink, out);
}
