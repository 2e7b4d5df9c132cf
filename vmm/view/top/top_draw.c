/* SPDX-License-Identifier: MPL-2.0 */
/* Building blocks of panels: see top_draw.h. */
#include "view/top/top_draw.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number_text.h"
#include "view/picture/palette.h"

#define TEXT_MAX      1024
#define TERMINALS_OWN (-1) /* the terminal's own colour */

static const attr_t styles[] = {
	[TOP_PLAIN] = A_NORMAL, [TOP_TITLE] = A_REVERSE, [TOP_HEADING] = A_UNDERLINE,
	[TOP_STRONG] = A_BOLD,  [TOP_FAINT] = A_DIM,     [TOP_WARNING] = A_BOLD | A_REVERSE,
};

void top_put(int y, int x, int width, enum top_style style, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	if (width <= 0)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	attrset((int)styles[style]);
	mvaddnstr(y, x, text, width);
	attrset(A_NORMAL);
}

void top_fill(int y, int x, int width, enum top_style style)
{
	if (width > 0)
		mvchgat(y, x, width, styles[style], 0, NULL);
}

char *top_count_text(char *text, int width, uint64_t count)
{
	char number[NUMBER_TEXT_SIZE];

	if (snprintf(text, TOP_COUNT_TEXT, "%" PRIu64, count) > width)
		snprintf(text, TOP_COUNT_TEXT, "%s", number_text(number, (double)count));
	return text;
}

char *top_change_text(char *text, int width, int64_t change)
{
	uint64_t amount = change < 0 ? -(uint64_t)change : (uint64_t)change;

	text[0] = '\0';
	if (change) {
		text[0] = change < 0 ? '-' : '+';
		char number[TOP_COUNT_TEXT];

		snprintf(text + 1, TOP_COUNT_TEXT - 1, "%.*s", TOP_COUNT_TEXT - 2,
			 top_count_text(number, width - 1, amount));
	}
	return text;
}

void top_bar(const struct top_terminal *terminal, int y, int x, int width, double part)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	unsigned steps = terminal->has_blocks ? 8 : 1;
	double exact = part * width * steps;
	unsigned units = (unsigned)(exact + 0.5);

	if (width <= 0)
		return;
	if (units == 0 && part > 0)
		units = 1;
	if (units > (unsigned)width * steps)
		units = (unsigned)width * steps;
	move(y, x);
	for (unsigned i = 0; i < units / steps; i++)
		addstr(terminal->has_blocks ? "█" : "#");
	addstr(eighths[units % steps]);
}

void top_marks(const struct map_image *map, struct top_mark marks[MAP_CLASSES_MAX])
{
	struct colour colours[MAP_CLASSES_MAX];

	palette_of(map, colours);
	for (unsigned i = 0; i < map->class_count; i++)
		marks[i] = (struct top_mark){
			.colour = palette_terminal_index(colours[i]),
			.ink = palette_terminal_index(palette_ink(colours[i])),
			.letter = map->classes[i].letter,
		};
}

static int index_of(const struct top_mark *mark)
{
	return mark ? (int)mark->colour : TERMINALS_OWN;
}

/* Colour pairs are made as needed; curses drops the oldest when there are too many. */
static void use_pair(int foreground, int background)
{
	int pair = alloc_pair(foreground, background);

	if (pair >= 0)
		attr_set(A_NORMAL, 0, &pair);
}

void top_swatch(const struct top_terminal *terminal, int y, int x, const struct top_mark *mark)
{
	if (!mark)
		return;
	if (terminal->has_colours)
		use_pair(TERMINALS_OWN, index_of(mark));
	mvaddch(y, x, terminal->has_colours ? ' ' : (chtype)mark->letter);
	attrset(A_NORMAL);
}

void top_match(const struct top_terminal *terminal, int y, int x, const struct top_mark *mark)
{
	if (terminal->has_colours)
		use_pair((int)mark->ink, index_of(mark));
	mvaddch(y, x, TOP_MATCH);
	attrset(A_NORMAL);
}

void top_half_blocks(int y, int x, const struct top_mark *upper, const struct top_mark *lower)
{
	use_pair(index_of(upper), index_of(lower));
	mvaddstr(y, x, "▀");
	attrset(A_NORMAL);
}
