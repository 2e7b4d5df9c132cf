/* SPDX-License-Identifier: MPL-2.0 */
/* Memory as text: see map_picture.h. */
#include <inttypes.h>
#include <stdbool.h>

#include "view/picture/map_picture.h"
#include "view/picture/palette.h"

#define LABEL_WIDTH  7 /* at least: an address before the first column, and a space after it */
#define COLUMNS_MIN  16
#define COLUMNS_MAX  256
#define LABELS_APART 4 /* lines */

/* Half blocks have two rows in a line. */
static unsigned rows_of_line(const struct map_paper *paper)
{
	return paper->colours == MAP_LETTERS || paper->has_marks ? 1 : 2;
}

struct map_grid map_text_grid(uint64_t frames, const struct map_paper *paper)
{
	unsigned columns = COLUMNS_MIN;

	while (columns * 2 <= COLUMNS_MAX && LABEL_WIDTH + 1 + columns * 2 <= paper->width)
		columns *= 2;
	return map_grid_fit(frames, columns, paper->map_lines * rows_of_line(paper));
}

/* What the terminal can do, and the colours of the classes. */
struct ink {
	enum map_colours depth;
	struct colour colours[MAP_CLASSES_MAX];
};

static void set_colour(const struct ink *ink, unsigned what, struct colour colour, FILE *out)
{
	if (ink->depth == MAP_24_BIT)
		fprintf(out, "\033[%u;2;%u;%u;%um", what, colour.red, colour.green, colour.blue);
	else
		fprintf(out, "\033[%u;5;%um", what, palette_terminal_index(colour));
}

#define FOREGROUND 38
#define BACKGROUND 48
#define RESET      "\033[0m"
#define MARK       '@'
#define HALF_BLOCK "\xe2\x96\x80" /* the upper half in the foreground colour */

/* An address is longer if the picture does not begin at a round one. */
static void print_label(const struct map_image *image, unsigned row, unsigned apart, FILE *out)
{
	unsigned longest = map_label_length(image, apart);
	char text[MAP_SIZE_TEXT] = "";

	if (row % map_label_rows(image, apart) == 0)
		map_size_text(text, map_image_row_address(image, row));
	fprintf(out, "%*s ", longest > LABEL_WIDTH ? (int)longest : LABEL_WIDTH, text);
}

static void print_letters(const struct map_image *image, unsigned row, FILE *out)
{
	for (unsigned column = 0; column < image->grid.columns; column++) {
		uint8_t class = map_image_cell(image, column, row);

		if (class != MAP_NO_CLASS)
			putc(map_image_is_marked(image, column, row) ? MARK
								     : image->classes[class].letter,
			     out);
	}
}

/* A row with marks: a letter on the colour of its cell. */
static void print_marked(const struct map_image *image, unsigned row, const struct ink *ink,
			 FILE *out)
{
	int set = -1;

	for (unsigned column = 0; column < image->grid.columns; column++) {
		uint8_t class = map_image_cell(image, column, row);

		if (class == MAP_NO_CLASS)
			break;
		if (class != set) {
			set_colour(ink, BACKGROUND, ink->colours[class], out);
			set_colour(ink, FOREGROUND, palette_ink(ink->colours[class]), out);
		}
		set = class;
		putc(map_image_is_marked(image, column, row) ? MARK : ' ', out);
	}
	fputs(RESET, out);
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
			set_colour(ink, FOREGROUND, ink->colours[upper], out);
		if (lower == MAP_NO_CLASS && lower != lower_set)
			fprintf(out, "\033[49m");
		else if (lower != lower_set)
			set_colour(ink, BACKGROUND, ink->colours[lower], out);
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
	set_colour(ink, BACKGROUND, ink->colours[class], out);
	fprintf(out, "  " RESET " ");
}

/* Adds an entry of a length to the line of the legend, or begins another line. */
static void place_entry(unsigned length, unsigned width, unsigned *used, unsigned *lines, FILE *out)
{
	if (*used > 0 && *used + 3 + length > width) {
		++*lines;
		*used = 0;
		if (out)
			putc('\n', out);
	} else if (*used > 0) {
		*used += 3;
		if (out)
			fputs("   ", out);
	}
	*used += length;
}

/* Returns its lines. Without `out` it only counts them. */
static unsigned print_legend(const struct map_image *image, unsigned width, const struct ink *ink,
			     FILE *out)
{
	unsigned used = 0, lines = 1, swatch = ink->depth == MAP_LETTERS ? 2 : 3;
	char text[64];

	for (unsigned i = 0; i < image->class_count; i++) {
		const struct map_class *class = &image->classes[i];

		if (class->frames == 0)
			continue;
		int length =
			snprintf(text, sizeof(text), "%s: %" PRIu64, class->name, class->frames);

		place_entry(swatch + (unsigned)length, width, &used, &lines, out);
		if (!out)
			continue;
		print_swatch(image, i, ink, out);
		fputs(text, out);
	}
	if (image->marks) {
		int length = snprintf(text, sizeof(text), "%c marked: %" PRIu64, MARK,
				      image->marked_frames);

		place_entry((unsigned)length, width, &used, &lines, out);
		if (out)
			fputs(text, out);
	}
	if (out)
		putc('\n', out);
	return lines;
}

unsigned map_text_other_lines(const struct map_image *image, const struct map_paper *paper)
{
	const struct ink ink = {.depth = paper->colours};

	return 1 + print_legend(image, paper->width, &ink, NULL);
}

void map_print(const struct map_image *image, const char *name, const struct map_paper *paper,
	       FILE *out)
{
	unsigned rows = rows_of_line(paper);
	struct ink ink = {.depth = paper->colours};
	char title[MAP_TITLE_TEXT];

	palette_of(image, ink.colours);
	fprintf(out, "%s\n", map_title_text(title, image, name));
	for (unsigned row = 0; row < image->grid.rows; row += rows) {
		print_label(image, row, LABELS_APART * rows, out);
		if (paper->colours == MAP_LETTERS)
			print_letters(image, row, out);
		else if (rows == 1)
			print_marked(image, row, &ink, out);
		else
			print_blocks(image, row, &ink, out);
		putc('\n', out);
	}
	print_legend(image, paper->width, &ink, out);
}
