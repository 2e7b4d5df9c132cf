/* SPDX-License-Identifier: MPL-2.0 */
/* Building blocks of the panels of `pagevisor top`, on the curses screen: clipped text, numbers, bars, colours. */
#ifndef VMM_TOP_DRAW_H
#define VMM_TOP_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect/map_image.h"

/* A rectangle of the screen, in characters. */
struct top_area {
	int y, x, height, width;
};

/* What the terminal can do. */
struct top_terminal {
	bool has_colours; /* 256: those of the palette */
	bool has_blocks;  /* UTF-8: half blocks, and bars in eighths */
};

enum top_style { TOP_PLAIN, TOP_TITLE, TOP_HEADING, TOP_STRONG, TOP_FAINT, TOP_WARNING };

/* Puts text at a place, printf-like, cut to `width` characters. */
void top_put(int y, int x, int width, enum top_style style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Applies a style to a line from x on, whatever its text. */
void top_fill(int y, int x, int width, enum top_style style);

/* A count in `width` characters: exact if it fits, else with a unit prefix. Returns text. */
#define TOP_COUNT_TEXT 32
char *top_count_text(char *text, int width, uint64_t count);
/* A change with its sign; empty for zero. */
char *top_change_text(char *text, int width, int64_t change);

/* Draws a fraction, 0 to 1, as a bar. Any fraction above zero is visible. */
void top_bar(const struct top_terminal *terminal, int y, int x, int width, double part);

/* How a class of the map is drawn: its colour of the terminal's 256, or its letter. */
struct top_mark {
	unsigned colour;
	unsigned ink; /* a colour that can be read on it */
	char letter;
};

/* The marks of all classes of a map. */
void top_marks(const struct map_image *map, struct top_mark marks[MAP_CLASSES_MAX]);

/* Draws the swatch of a mark; nothing for NULL. */
void top_swatch(const struct top_terminal *terminal, int y, int x, const struct top_mark *mark);

/* Draws a cell of the map that holds what the filter matches. */
#define TOP_MATCH '@'
void top_match(const struct top_terminal *terminal, int y, int x, const struct top_mark *mark);

/* Two cells of a map, one above the other, as one character; lower may be NULL. */
void top_half_blocks(int y, int x, const struct top_mark *upper, const struct top_mark *lower);

#endif
