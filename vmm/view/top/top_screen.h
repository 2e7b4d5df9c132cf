/* SPDX-License-Identifier: MPL-2.0 */
/* The screen of `pagevisor top`, by curses: layout only. One at a time, used by one thread. */
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

/* Takes over the terminal; returns 0, or -ENOTSUP when it is one that cannot be drawn on. */
int top_screen_begin(struct top_screen *screen, struct error *err);
/* Gives it back as it was. */
void top_screen_end(struct top_screen *screen);

/* Follows the terminal's size; true when it has changed. */
bool top_screen_resize(struct top_screen *screen);

/* The next key that was pressed, as curses has it, or -1 for none yet. */
int top_screen_key(struct top_screen *screen);

/* How many cells of a map there is room for. */
void top_screen_map_room(const struct top_screen *screen, unsigned *columns, unsigned *rows);

/* `problem`: why nothing newer is shown, else empty. */
void top_screen_draw(const struct top_screen *screen, const struct source *source,
		     const struct top_model *model, const struct top_state *state,
		     const char *problem);

#endif
