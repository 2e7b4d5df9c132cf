/* SPDX-License-Identifier: MPL-2.0 */
/* What the keys of `pagevisor top` do: they change this state; other code draws it. */
#ifndef VMM_TOP_KEYS_H
#define VMM_TOP_KEYS_H

#include "base/clock.h"
#include "view/top/top_model.h"

struct top_state {
	struct top_request request; /* what to gather */
	enum top_sort sort;
	unsigned first_panel; /* of those that take turns when not all fit */
	bool shows_help;
	bool is_typing; /* the filter of frames, or of rows where these are shown, at the prompt */
	char typed[EXPRESSION_LENGTH_MAX + 1];
	char message[512]; /* until the next key */
	/* Of rows: their filter (top_model.h), the first on the screen, and what the screen and the model have. */
	char row_filter[TOP_ROW_FILTER_MAX + 1];
	unsigned first_row, row_count, page;
};

enum top_action {
	TOP_DRAW, /* what is shown has changed */
	TOP_ASK,  /* what to gather has changed, too */
	TOP_SORT, /* the order of types and rows has changed, or which rows there are */
	TOP_QUIT,
};

#define TOP_INTERVAL_NS NS_PER_S /* at first */

/* One line for each key, for the help screen; ends with NULL. */
extern const char *const top_help[];

/* Where the first row can be: nothing is shown behind the last one. */
void top_clamp_rows(struct top_state *state);

/*
 * Handles a key, as curses encodes it. Filters are checked against the newest sample; without a sample (NULL) a filter
 * is refused.
 */
enum top_action top_key(struct top_state *state, int key, const struct top_sample *sample);

#endif
