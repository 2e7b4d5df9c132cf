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
/*
 * Whether this process may use the terminal. In the background each change of the terminal's modes stops it, whatever
 * signals wait.
 */
bool top_screen_has_terminal(void);

/* Gives the terminal back for a while; drawing takes it again. */
void top_screen_leave(struct top_screen *screen);

/* Restores the terminal. In the background it is the shell's by now, and left alone. */
void top_screen_end(struct top_screen *screen);

/* Restores the terminal, if there is a screen, for a process that ends at once: to be called from a signal's handler. */
void top_screen_abandon(void);

/* Follows the terminal's size. Returns whether it has changed. */
bool top_screen_resize(struct top_screen *screen);

/* Draws everything anew, after others have used the terminal. */
void top_screen_redraw(struct top_screen *screen);

/* The next key pressed, as curses encodes it, or -1: none yet. */
int top_screen_key(struct top_screen *screen);

/* How many rows of a table fit. */
unsigned top_screen_row_room(void);

/* How many cells of a map fit. */
void top_screen_map_room(const struct top_screen *screen, unsigned *columns, unsigned *rows);

/* `problem` says why nothing newer is shown; else it is empty. */
void top_screen_draw(const struct top_screen *screen, const struct source *source,
		     const struct top_model *model, const struct top_state *state,
		     const char *problem);

#endif
