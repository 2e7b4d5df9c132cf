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
	"b B        what has the memory: rows by file, process, cache, class, zone,",
	"           page block, migrate type, and back (all but class: of Linux)",
	"t          types, states and the map",
	"s          sort by count or size, name, change; c, n, d: directly",
	"/          types: count only the frames matching an expression, as in find;",
	"           rows: those with a text in their name, or matching a*b;",
	"           Return applies it, an empty one removes it, Esc cancels",
	"up down    scroll rows; page up, page down, home, end",
	"=          rows: changes since now, or again since the previous look",
	"v m        other panels, if not all fit; other colours of the map",
	"p, space   pause the screen, or continue",
	"+ -        look more or less often; h ?: this help",
	"",
	"Changes are since the previous look. FREE shows the allocator's own",
	"counts, read one by one: approximate.",
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

/* In the order in which people ask; then the types, which are no breakdown. */
static const enum breakdown_by tables[] = {
	BREAKDOWN_FILE, BREAKDOWN_PROCESS,   BREAKDOWN_CACHE,       BREAKDOWN_CLASS,
	BREAKDOWN_ZONE, BREAKDOWN_PAGEBLOCK, BREAKDOWN_MIGRATETYPE,
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static enum top_action show_types(struct top_state *state)
{
	state->shows_help = false;
	if (!state->request.table.is_asked)
		return TOP_DRAW;
	state->request.table = (struct top_rows_request){0};
	return ask(state);
}

/* Which of the tables is shown; TABLES: the types. */
static size_t place_of(const struct top_rows_request *request)
{
	size_t place = 0;

	while (place < TABLES && !(request->is_asked && tables[place] == request->by))
		place++;
	return place;
}

/* The next table that the guest's kind has, forwards or backwards. What was said of other rows does not hold for these. */
static enum top_action show_table(struct top_state *state, const struct top_sample *sample,
				  bool is_forward)
{
	struct top_rows_request *request = &state->request.table;
	size_t place = place_of(request);
	struct error ignored;

	do
		place = (place + (is_forward ? 1 : TABLES)) % (TABLES + 1);
	while (place < TABLES && sample &&
	       guest_has_breakdown(&sample->guest, tables[place], &ignored) < 0);
	state->first_row = 0;
	state->row_filter[0] = '\0';
	state->shows_help = false;
	if (place == TABLES)
		return show_types(state);
	*request = (struct top_rows_request){.is_asked = true, .by = tables[place]};
	return ask(state);
}

static enum top_action keep_base(struct top_state *state)
{
	struct top_rows_request *request = &state->request.table;

	if (!request->is_asked)
		return say(state, "= is for rows: b shows them");
	request->keeps_base = !request->keeps_base;
	say(state, request->keeps_base ? "changes are since the look on the screen; = ends it"
				       : "changes are since the previous look");
	return TOP_ASK;
}

void top_clamp_rows(struct top_state *state)
{
	const unsigned last = state->row_count > state->page ? state->row_count - state->page : 0;

	if (state->first_row > last)
		state->first_row = last;
}

/* Returns whether it is a key that scrolls. */
static bool scroll_rows(struct top_state *state, int key)
{
	const unsigned page = state->page ? state->page : 1;
	unsigned *first = &state->first_row;

	if (!state->request.table.is_asked)
		return false;
	if (key == KEY_DOWN)
		*first += 1;
	else if (key == KEY_UP)
		*first -= *first > 0;
	else if (key == KEY_NPAGE)
		*first += page;
	else if (key == KEY_PPAGE)
		*first -= *first > page ? page : *first;
	else if (key == KEY_HOME)
		*first = 0;
	else if (key == KEY_END)
		*first = state->row_count;
	else
		return false;
	top_clamp_rows(state);
	return true;
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

	if (state->request.table.is_asked) {
		snprintf(state->row_filter, sizeof(state->row_filter), "%.*s", TOP_ROW_FILTER_MAX,
			 state->typed);
		state->first_row = 0;
		state->is_typing = false;
		return TOP_SORT;
	}
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
		top_filter_free(filter);
	}
	memcpy(state->request.filter, state->typed, sizeof(state->typed));
	state->is_typing = false;
	return ask(state);
}

static size_t typed_max(const struct top_state *state)
{
	return state->request.table.is_asked ? TOP_ROW_FILTER_MAX : EXPRESSION_LENGTH_MAX;
}

static enum top_action begin_typing(struct top_state *state)
{
	state->is_typing = true;
	state->shows_help = false;
	snprintf(state->typed, sizeof(state->typed), "%s",
		 state->request.table.is_asked ? state->row_filter : state->request.filter);
	return TOP_DRAW;
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
		if (key >= ' ' && key <= '~' && length < typed_max(state)) {
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
	if (scroll_rows(state, key))
		return TOP_DRAW;
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
		return begin_typing(state);
	case 'b':
	case 'B':
		return show_table(state, sample, key == 'b');
	case 't':
		return show_types(state);
	case '=':
		return keep_base(state);
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
