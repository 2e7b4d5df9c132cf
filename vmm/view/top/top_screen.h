/* SPDX-License-Identifier: MPL-2.0 */
/* The screen of `pagevisor top`, drawn with curses: layout only. There is one at a time, used by one thread. */
#ifndef VMM_TOP_SCREEN_H
#define VMM_TOP_SCREEN_H

#include "base/error.h"
#include "source/source.h"
#include "view/top/top_draw.h"
#include "view/top/top_keys.h"
#include "view/top/top_model.h"

struct top_screen {
	struct top_terminal terminal;
	void *curses; /* a SCREEN */
};

/* Takes over the terminal. Returns 0, or -ENOTSUP if it cannot be drawn on. */
int top_screen_begin(struct top_screen *screen, struct error *err);
/* Restores the terminal. */
void top_screen_end(struct top_screen *screen);

/* Follows the terminal's size. Returns whether it has changed. */
bool top_screen_resize(struct top_screen *screen);

/* The next key pressed, as curses encodes it, or -1: none yet. */
int top_screen_key(struct top_screen *screen);

/* How many cells of a map fit. */
void top_screen_map_room(const struct top_screen *screen, unsigned *columns, unsigned *rows);

/* `problem` says why nothing newer is shown; else it is empty. */
void top_screen_draw(const struct top_screen *screen, const struct source *source,
		     const struct top_model *model, const struct top_state *state,
		     const char *problem);

#endif
