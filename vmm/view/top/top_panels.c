/* SPDX-License-Identifier: MPL-2.0 */
/* The panels: see top_panels.h. */
#include "view/top/top_panels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inspect/state_order.h"

#define NAME_MIN     11
#define NUMBER_WIDTH 6
#define CHANGE_WIDTH 7
#define LABEL_WIDTH  6 /* of an address beside the map */
#define LABELS_APART 4 /* lines */
#define FREE_NAME    6
#define TITLE_MAX    80

/* The mark of a type, state or step in the map. NULL: it has none. */
static const struct top_mark *mark_of(const struct top_picture *picture, enum map_class_of of,
				      unsigned index)
{
	const struct map_image *map = &picture->model->sample->map;

	for (unsigned i = 0; map->cells && i < map->class_count; i++)
		if (map->classes[i].of == of && map->classes[i].index == index)
			return &picture->marks[i];
	return NULL;
}

static double part_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* The names are whole, and a third of what a wide panel has to spare goes to them; the bars get the rest. */
static int name_width(const struct top_model *model, int panel_width)
{
	const int others = 2 + 1 + NUMBER_WIDTH + 1 + CHANGE_WIDTH + 1;
	int width = NAME_MIN + (panel_width - others - NAME_MIN) / 3;

	for (unsigned i = 0; i < model->type_count; i++)
		if ((int)strlen(model->types[i].name) > width)
			width = (int)strlen(model->types[i].name);
	return width > panel_width - others ? panel_width - others : width;
}

static void draw_type(const struct top_picture *picture, const struct top_type *type, uint64_t most,
		      int name, struct top_area area)
{
	char text[TOP_COUNT_TEXT];
	int x = area.x + 2;
	bool is_wild = type->type == FRAME_TYPE_WILD;

	top_swatch(picture->terminal, area.y, area.x,
		   is_wild ? mark_of(picture, MAP_OF_WILD, 0)
			   : mark_of(picture, MAP_OF_TYPE, (unsigned)type->type));
	top_put(area.y, x, name, is_wild ? TOP_WARNING : TOP_PLAIN, "%s", type->name);
	x += name + 1;
	top_put(area.y, x, NUMBER_WIDTH, TOP_PLAIN, "%*s", NUMBER_WIDTH,
		top_count_text(text, NUMBER_WIDTH, type->frames));
	x += NUMBER_WIDTH + 1;
	top_put(area.y, x, CHANGE_WIDTH, TOP_PLAIN, "%*s", CHANGE_WIDTH,
		top_change_text(text, CHANGE_WIDTH, type->change));
	x += CHANGE_WIDTH + 1;
	top_bar(picture->terminal, area.y, x, area.x + area.width - x, part_of(type->frames, most));
}

void top_panel_types(const struct top_picture *picture, struct top_area area)
{
	const struct top_model *model = picture->model;
	unsigned rows = (unsigned)area.height - 1;
	int name = name_width(model, area.width);
	uint64_t most = 0;

	for (unsigned i = 0; i < model->type_count; i++)
		if (model->types[i].frames > most)
			most = model->types[i].frames;
	top_put(area.y, area.x, area.width, TOP_PLAIN, "TYPES by %s",
		top_sort_name(picture->state->sort));
	if (model->type_count > rows)
		top_put(area.y, area.x + 16, area.width - 16, TOP_FAINT, " %u of %u", rows,
			model->type_count);
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (unsigned i = 0; i < model->type_count && i < rows; i++)
		draw_type(picture, &model->types[i], most, name,
			  (struct top_area){area.y + 1 + (int)i, area.x, 1, area.width});
}

/* "S shared    5442 ####" */
static void draw_count(const struct top_picture *picture, const struct top_mark *mark,
		       const char *name, int name_width, enum top_style style, uint64_t count,
		       double part, struct top_area area)
{
	char text[TOP_COUNT_TEXT];
	int x = area.x + 2;

	top_swatch(picture->terminal, area.y, area.x, mark);
	top_put(area.y, x, name_width, style, "%s", name);
	x += name_width + 1;
	top_put(area.y, x, NUMBER_WIDTH, style, "%*s", NUMBER_WIDTH,
		top_count_text(text, NUMBER_WIDTH, count));
	x += NUMBER_WIDTH + 1;
	top_bar(picture->terminal, area.y, x, area.x + area.width - x, part);
}

#define SHARE_WIDTH 5 /* " 100%" */

/* "function+0x12c": what does not fit is the end of the function, of which there are several places as a rule. */
static void draw_caller(const char *name, int y, int x, int width)
{
	const char *offset = strrchr(name, '+');
	int length = (int)strlen(name);

	if (length <= width || !offset || (int)strlen(offset) + 1 >= width) {
		top_put(y, x, width, TOP_PLAIN, "%s", name);
		return;
	}
	top_put(y, x, width, TOP_PLAIN, "%.*s~%s", width - 1 - (int)strlen(offset), name, offset);
}

/* For a guest that traces: the callers with the most events in its rings. */
void top_panel_callers(const struct top_picture *picture, struct top_area area)
{
	const struct call_sites *sites = &picture->model->sample->sites;
	int name = area.width - SHARE_WIDTH;

	top_put(area.y, area.x, area.width, TOP_PLAIN, "CALLERS");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (int i = 0; i < (int)sites->count && i + 1 < area.height; i++) {
		draw_caller(sites->sites[i].name, area.y + 1 + i, area.x, name);
		top_put(area.y + 1 + i, area.x + name, SHARE_WIDTH, TOP_PLAIN, "%4.0f%%",
			100 * part_of(sites->sites[i].events, sites->events));
	}
}

void top_panel_states(const struct top_picture *picture, struct top_area area)
{
	static const enum frame_tone tones[TONE_COUNT] = {TONE_SHARED, TONE_OWNED,     TONE_FREE,
							  TONE_BROKEN, TONE_TRANSIENT, TONE_HOST};
	const struct kind *kind = picture->model->sample->guest.kind;
	const struct top_counts *counts = &picture->model->sample->counts;
	uint8_t states[FRAME_STATES_MAX];
	int number = (int)state_order(kind, tones, states);

	top_put(area.y, area.x, area.width, TOP_PLAIN, "STATES");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (int i = 0; i < number && i + 1 < area.height; i++) {
		const struct frame_state *state = &kind->states[states[i]];
		uint64_t count = counts->tally.states[states[i]];

		draw_count(picture, mark_of(picture, MAP_OF_STATE, states[i]), state->name, 7,
			   state->is_broken && count > 0 ? TOP_WARNING : TOP_PLAIN, count,
			   part_of(count, counts->matches),
			   (struct top_area){area.y + 1 + i, area.x, 1, area.width});
	}
}

void top_panel_references(const struct top_picture *picture, struct top_area area)
{
	/* The map has fewer steps. */
	static const unsigned steps[TOP_BUCKETS] = {0, 1, 2, 3, 4, 4, 4, 5};
	const struct top_counts *counts = &picture->model->sample->counts;
	uint64_t most = 0;

	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		if (counts->buckets[i] > most)
			most = counts->buckets[i];
	top_put(area.y, area.x, area.width, TOP_PLAIN, "REFERENCES");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (int i = 0; i < TOP_BUCKETS && i + 1 < area.height; i++)
		draw_count(picture, mark_of(picture, MAP_OF_STEP, steps[i]),
			   top_bucket_name((unsigned)i), 5, TOP_PLAIN, counts->buckets[i],
			   part_of(counts->buckets[i], most),
			   (struct top_area){area.y + 1 + i, area.x, 1, area.width});
}

/* The lines of the allocator's panel. */
struct free_line {
	char name[MAP_SIZE_TEXT + 8];
	uint64_t count;  /* of blocks, or frames */
	uint64_t frames; /* in all of them */
};

/* The caches: a line for each CPU, or one line for all. */
static unsigned list_caches(const struct free_counts *counts, bool in_one, struct free_line *lines)
{
	for (unsigned cpu = 0; cpu < counts->caches; cpu++) {
		struct free_line *line = &lines[in_one ? 0 : cpu];

		line->frames += counts->cached[cpu];
		line->count = line->frames;
		snprintf(line->name, sizeof(line->name), in_one ? "caches" : "cpu %u", cpu);
	}
	return in_one ? counts->caches > 0 : counts->caches;
}

static unsigned list_blocks(const struct free_counts *counts, struct free_line *lines)
{
	unsigned used = 0;

	for (unsigned order = 0; order < counts->orders; order++) {
		if (counts->blocks[order] == 0)
			continue;
		struct free_line *line = &lines[used++];

		map_size_text(line->name, PAGE_SIZE << order);
		line->count = counts->blocks[order];
		line->frames = line->count << order;
	}
	return used;
}

/* Large blocks last. If not all fit, small ones are left out. Frames of the host, listed first, may be in the others. */
void top_panel_allocator(const struct top_picture *picture, struct top_area area)
{
	const struct free_counts *counts = &picture->model->sample->free;
	const uint64_t host_frames = picture->model->sample->counts.host_frames;
	struct free_line lines[1 + GUEST_CPUS_MAX + 1 + FREE_ORDERS_MAX] = {0};
	unsigned rows = (unsigned)area.height - 1, used = 0;

	top_put(area.y, area.x, area.width, TOP_PLAIN, "FREE, about");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	if (!counts->is_known) {
		if (area.height > 1)
			top_put(area.y + 1, area.x, area.width, TOP_FAINT, "%s", counts->why.text);
		return;
	}
	struct free_line blocks[FREE_ORDERS_MAX] = {0};
	unsigned orders = list_blocks(counts, blocks);

	if (host_frames)
		lines[used++] = (struct free_line){"host", host_frames, host_frames};
	used += list_caches(counts, used + orders + 1 + counts->caches > rows, &lines[used]);
	lines[used++] = (struct free_line){"depot", counts->depot, counts->depot};
	unsigned room = rows > used ? rows - used : 0, skip = orders > room ? orders - room : 0;

	memcpy(&lines[used], &blocks[skip], (orders - skip) * sizeof(blocks[0]));
	used += orders - skip;
	for (unsigned i = 0; i < used && i < rows; i++)
		draw_count(picture, NULL, lines[i].name, FREE_NAME, TOP_PLAIN, lines[i].count,
			   part_of(lines[i].frames, counts->free_frames + counts->parked),
			   (struct top_area){area.y + 1 + (int)i, area.x, 1, area.width});
}

struct map_room {
	unsigned columns, rows; /* of cells */
};

/* A match is a character of its own, for which half of one is too little. */
static bool draws_halves(const struct top_terminal *terminal, const struct map_image *map)
{
	return terminal->has_colours && terminal->has_blocks && !(map && map->marks);
}

static struct map_room map_room(const struct top_terminal *terminal, const struct map_image *map,
				struct top_area area)
{
	int lines = area.height - 1, width = area.width - LABEL_WIDTH - 1;

	return (struct map_room){
		.columns = width > 0 ? (unsigned)width : 0,
		.rows = lines > 0 ? (unsigned)lines * (draws_halves(terminal, map) ? 2 : 1) : 0,
	};
}

void top_map_room(const struct top_terminal *terminal, struct top_area area, unsigned *columns,
		  unsigned *rows)
{
	const struct map_room room = map_room(terminal, NULL, area);

	*columns = room.columns;
	*rows = room.rows;
}

/* The layout of a map: as gathered, or with cells merged if the screen has since become too small. */
struct map_layout {
	unsigned columns;
	uint64_t factor;
};

static struct map_layout map_layout(const struct map_image *map, unsigned columns, unsigned rows)
{
	struct map_layout layout = {.columns = map->grid.columns, .factor = 1};

	if (map->grid.columns <= columns && map->grid.rows <= rows)
		return layout;
	for (layout.columns = 1; layout.columns * 2 <= columns;)
		layout.columns *= 2;
	layout.factor = top_map_factor(map, (uint64_t)layout.columns * rows);
	return layout;
}

static const struct top_mark *mark_at(const struct top_picture *picture,
				      const struct map_layout *layout, unsigned column,
				      unsigned row)
{
	uint64_t cell = (uint64_t)row * layout->columns + column;
	uint8_t class =
		top_map_merge(&picture->model->sample->map, cell * layout->factor, layout->factor);

	return class == MAP_NO_CLASS ? NULL : &picture->marks[class];
}

static bool is_match(const struct top_picture *picture, const struct map_layout *layout,
		     unsigned column, unsigned row)
{
	const struct map_image *map = &picture->model->sample->map;
	uint64_t first = ((uint64_t)row * layout->columns + column) * layout->factor;

	return map->marks && top_map_has_mark(map, first, layout->factor);
}

static void draw_map_line(const struct top_picture *picture, const struct map_layout *layout,
			  unsigned row, int y, int x)
{
	bool halves = draws_halves(picture->terminal, &picture->model->sample->map);

	for (unsigned column = 0; column < layout->columns; column++) {
		const struct top_mark *upper = mark_at(picture, layout, column, row);

		if (upper && is_match(picture, layout, column, row))
			top_match(picture->terminal, y, x + (int)column, upper);
		else if (upper && halves)
			top_half_blocks(y, x + (int)column, upper,
					mark_at(picture, layout, column, row + 1));
		else
			top_swatch(picture->terminal, y, x + (int)column, upper);
	}
}

/* What a cell is, and its colours. Those of types are in their own panel, which is always there. */
static void draw_map_heading(const struct top_picture *picture, uint64_t bytes,
			     struct top_area area)
{
	const struct map_image *map = &picture->model->sample->map;
	char cell[MAP_SIZE_TEXT], text[TITLE_MAX];
	int x = area.x + snprintf(text, sizeof(text), "MAP by %s, a cell is %s%s",
				  map_by_name(map->by), map_size_text(cell, bytes),
				  map->marks ? ", @ filter" : "");

	top_put(area.y, area.x, area.width, TOP_PLAIN, "%s", text);
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (unsigned i = 0; i < map->class_count && map->by != MAP_BY_TYPE; i++) {
		const struct map_class *class = &map->classes[i];
		int width = (int)strlen(class->name);

		if (class->frames == 0 || x + 4 + width > area.x + area.width)
			continue;
		top_swatch(picture->terminal, area.y, x + 2, &picture->marks[i]);
		top_put(area.y, x + 4, width, TOP_PLAIN, "%s", class->name);
		x += 4 + width;
	}
}

void top_panel_map(const struct top_picture *picture, struct top_area area)
{
	const struct map_image *map = &picture->model->sample->map;
	char label[MAP_SIZE_TEXT];
	unsigned step = draws_halves(picture->terminal, map) ? 2 : 1;
	const struct map_room room = map_room(picture->terminal, map, area);

	if (!map->cells || room.columns == 0 || room.rows == 0)
		return;
	struct map_layout layout = map_layout(map, room.columns, room.rows);
	uint64_t bytes = map->grid.frames_per_cell * layout.factor * PAGE_SIZE;

	draw_map_heading(picture, bytes, area);
	for (unsigned row = 0; row < room.rows; row += step) {
		int y = area.y + 1 + (int)(row / step);
		uint64_t address = bytes * layout.columns * row;

		if (address >= map->frame_count * PAGE_SIZE)
			break;
		if (row / step % LABELS_APART == 0)
			top_put(y, area.x, LABEL_WIDTH, TOP_FAINT, "%*s", LABEL_WIDTH,
				map_size_text(label, address));
		draw_map_line(picture, &layout, row, y, area.x + LABEL_WIDTH + 1);
	}
}
