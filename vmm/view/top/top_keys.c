/* SPDX-License-Identifier: MPL-2.0 */
/* What the keys do: see top_keys.h. */
#include "view/top/top_keys.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind/kind.h"
#include "view/top/top_filter.h"

#define KEY_ESCAPE   27
#define KEY_DELETE   127
#define KEY_CTRL_H   8
#define KEY_CTRL_L   12
#define KEY_CTRL_U   21
#define KEY_RETURN   '\r'
#define KEY_NEW_LINE '\n'

static const uint64_t intervals[] = {
	NS_PER_S / 10, NS_PER_S / 5, NS_PER_S / 2,  NS_PER_S,
	2 * NS_PER_S,  5 * NS_PER_S, 10 * NS_PER_S,
};

#define INTERVALS (sizeof(intervals) / sizeof(intervals[0]))

const char *const top_help[] = {
	"q          quit",
	"s          sort types by count, name or change; c, n, d: directly",
	"/          count only the frames matching an expression, as in find;",
	"           Return applies it, an empty one removes it, Esc cancels",
	"v          show other panels, if not all fit",
	"p, space   pause the screen, or continue",
	"m          colour the map by type, state or references",
	"+ -        look more or less often",
	"h ?        this help",
	"",
	"Changes are since the previous look. The map always shows all memory.",
	"FREE shows the allocator's own counts, read one by one: approximate.",
	NULL,
};

static enum top_action say(struct top_state *state, const char *text)
{
	snprintf(state->message, sizeof(state->message), "%s", text);
	return TOP_DRAW;
}

static enum top_action sort_by(struct top_state *state, enum top_sort sort)
{
	state->sort = sort;
	return TOP_SORT;
}

/* A request made while the screen is paused takes effect with the next sample. */
static enum top_action ask(struct top_state *state)
{
	if (state->request.is_paused)
		say(state, "paused: p continues and shows it");
	return TOP_ASK;
}

/* Chooses the next colouring that the guest's kind supports. */
static enum top_action colour_otherwise(struct top_state *state, const struct top_sample *sample)
{
	do
		state->request.by = (state->request.by + 1) % (MAP_BY_REFS + 1);
	while (sample && !map_by_applies(&sample->guest, state->request.by));
	return ask(state);
}

static enum top_action faster(struct top_state *state)
{
	for (size_t i = INTERVALS; i-- > 0;)
		if (intervals[i] < state->request.interval_ns) {
			state->request.interval_ns = intervals[i];
			return TOP_ASK;
		}
	return say(state, "cannot look more often");
}

static enum top_action slower(struct top_state *state)
{
	for (size_t i = 0; i < INTERVALS; i++)
		if (intervals[i] > state->request.interval_ns) {
			state->request.interval_ns = intervals[i];
			return TOP_ASK;
		}
	return say(state, "cannot look less often");
}

static enum top_action take_filter(struct top_state *state, const struct top_sample *sample)
{
	struct error err;

	if (!sample)
		return say(state, "no sample yet");
	if (state->typed[strspn(state->typed, " ")] == '\0') {
		state->typed[0] = '\0';
	} else if (!sample->guest.kind->properties) {
		/* What a kind's properties are only the guest itself knows, of which a sample has no more than a copy: the
		 * next sample says what is wrong. */
		struct top_filter *filter =
			top_filter_create(state->typed, &sample->guest, sample->catalog, &err);

		if (!filter)
			return say(state, err.text);
		free(filter);
	}
	memcpy(state->request.filter, state->typed, sizeof(state->typed));
	state->is_typing = false;
	return ask(state);
}

static enum top_action type_key(struct top_state *state, int key, const struct top_sample *sample)
{
	size_t length = strlen(state->typed);

	switch (key) {
	case KEY_RETURN:
	case KEY_NEW_LINE:
	case KEY_ENTER:
		return take_filter(state, sample);
	case KEY_ESCAPE:
		state->is_typing = false;
		break;
	case KEY_CTRL_U:
		state->typed[0] = '\0';
		break;
	case KEY_BACKSPACE:
	case KEY_DELETE:
	case KEY_CTRL_H:
		if (length > 0)
			state->typed[length - 1] = '\0';
		break;
	default:
		if (key >= ' ' && key <= '~' && length < EXPRESSION_LENGTH_MAX) {
			state->typed[length] = (char)key;
			state->typed[length + 1] = '\0';
		}
	}
	return TOP_DRAW;
}

enum top_action top_key(struct top_state *state, int key, const struct top_sample *sample)
{
	state->message[0] = '\0';
	if (state->is_typing)
		return type_key(state, key, sample);
	switch (key) {
	case 'q':
		return TOP_QUIT;
	case 's':
		return sort_by(state, (state->sort + 1) % TOP_SORTS);
	case 'c':
		return sort_by(state, TOP_BY_COUNT);
	case 'n':
		return sort_by(state, TOP_BY_NAME);
	case 'd':
		return sort_by(state, TOP_BY_CHANGE);
	case '/':
		state->is_typing = true;
		state->shows_help = false;
		memcpy(state->typed, state->request.filter, sizeof(state->typed));
		return TOP_DRAW;
	case 'v':
		state->first_panel++;
		return TOP_DRAW;
	case 'p':
	case ' ':
		state->request.is_paused = !state->request.is_paused;
		return TOP_ASK;
	case 'm':
		return colour_otherwise(state, sample);
	case '+':
		return faster(state);
	case '-':
		return slower(state);
	case 'h':
	case '?':
		state->shows_help = !state->shows_help;
		return TOP_DRAW;
	case KEY_ESCAPE:
		state->shows_help = false;
		return TOP_DRAW;
	case KEY_CTRL_L:
	case KEY_RESIZE:
		return TOP_DRAW;
	default:
		return say(state, "h shows the keys");
	}
}
