/* SPDX-License-Identifier: MPL-2.0 */
/* What the keys of `pagevisor top` do: they change this state, and somebody else draws it. */
#ifndef VMM_TOP_KEYS_H
#define VMM_TOP_KEYS_H

#include "base/clock.h"
#include "view/top/top_model.h"

struct top_state {
	struct top_request request; /* what is to be gathered */
	enum top_sort sort;
	unsigned first_panel; /* of those that take turns where there is no room for all */
	bool shows_help;
	bool is_typing; /* the filter, at the prompt */
	char typed[EXPRESSION_LENGTH_MAX + 1];
	char message[512]; /* until the next key */
};

enum top_action {
	TOP_DRAW, /* what is shown differs */
	TOP_ASK,  /* what is to be gathered, too */
	TOP_SORT, /* the order of the types */
	TOP_QUIT,
};

#define TOP_INTERVAL_NS NS_PER_S /* at first */

/* The keys in one line each, for the screen with help; ends with NULL. */
extern const char *const top_help[];

/*
 * A key as curses has it. Filters are checked against the newest sample; NULL when nothing was seen yet, and a filter is
 * then refused.
 */
enum top_action top_key(struct top_state *state, int key, const struct top_sample *sample);

#endif
