/* SPDX-License-Identifier: MPL-2.0 */
/* The panels: see top_panels.h. */
#include "view/top/top_panels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_MIN     11
#define NUMBER_WIDTH 6
#define CHANGE_WIDTH 7
#define LABEL_WIDTH  6 /* of an address beside the map */
#define LABELS_APART 4 /* lines */
#define FREE_NAME    6

/* The class that the map has for a name; the first one, if two have it: types come first. */
static const struct map_class *class_of(const struct top_picture *picture, const char *name)
{
	const struct map_image *map = &picture->model->sample->map;

	for (unsigned i = 0; map->cells && i < map->class_count; i++)
		if (strcmp(map->classes[i].name, name) == 0)
			return &map->classes[i];
	return NULL;
}

static const struct map_class *class_if(const struct top_picture *picture, enum map_by by,
					const char *name)
{
	return picture->model->sample->map.by == by ? class_of(picture, name) : NULL;
}

static double part_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static void draw_type(const struct top_picture *picture, const struct top_type *type, uint64_t most,
		      struct top_area area)
{
	char text[TOP_COUNT_TEXT];
	/* Half of what is left of a wide panel is the name's. */
	int fixed = 2 + NAME_MIN + 1 + NUMBER_WIDTH + 1 + CHANGE_WIDTH + 1;
	int name = NAME_MIN + (area.width - fixed) / 3;
	int x = area.x + 2;

	top_swatch(picture->terminal, area.y, area.x,
		   class_if(picture, MAP_BY_TYPE, type->is_wild ? "wild" : type->name));
	top_put(area.y, x, name, type->is_wild ? TOP_WARNING : TOP_PLAIN, "%s", type->name);
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
		draw_type(picture, &model->types[i], most,
			  (struct top_area){area.y + 1 + (int)i, area.x, 1, area.width});
}

/* "S shared    5442 ####" */
static void draw_count(const struct top_picture *picture, const struct map_class *class,
		       const char *name, int name_width, enum top_style style, uint64_t count,
		       double part, struct top_area area)
{
	char text[TOP_COUNT_TEXT];
	int x = area.x + 2;

	top_swatch(picture->terminal, area.y, area.x, class);
	top_put(area.y, x, name_width, style, "%s", name);
	x += name_width + 1;
	top_put(area.y, x, NUMBER_WIDTH, style, "%*s", NUMBER_WIDTH,
		top_count_text(text, NUMBER_WIDTH, count));
	x += NUMBER_WIDTH + 1;
	top_bar(picture->terminal, area.y, x, area.x + area.width - x, part);
}

#define SHARE_WIDTH 5 /* " 100%" */

/* Of a guest that traces: who does most of what its rings hold. */
void top_panel_callers(const struct top_picture *picture, struct top_area area)
{
	const struct trace_sites *sites = &picture->model->sample->sites;
	int name = area.width - SHARE_WIDTH;

	top_put(area.y, area.x, area.width, TOP_PLAIN, "CALLERS");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (int i = 0; i < (int)sites->count && i + 1 < area.height; i++) {
		top_put(area.y + 1 + i, area.x, name, TOP_PLAIN, "%s", sites->sites[i].name);
		top_put(area.y + 1 + i, area.x + name, SHARE_WIDTH, TOP_PLAIN, "%4.0f%%",
			100 * part_of(sites->sites[i].events, sites->events));
	}
}

void top_panel_states(const struct top_picture *picture, struct top_area area)
{
	static const enum ref_class order[REF_CLASS_COUNT] = {
		REF_CLASS_SHARED,  REF_CLASS_UNIQUE, REF_CLASS_UNUSED,
		REF_CLASS_ILLEGAL, REF_CLASS_BUSY,   REF_CLASS_HOST,
	};
	const struct top_counts *counts = &picture->model->sample->counts;

	top_put(area.y, area.x, area.width, TOP_PLAIN, "STATES");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (int i = 0; i < REF_CLASS_COUNT && i + 1 < area.height; i++) {
		const char *name = ref_class_name(order[i]);
		uint64_t count = counts->frames[order[i]];
		bool is_broken = order[i] == REF_CLASS_ILLEGAL && count > 0;

		draw_count(picture, class_of(picture, name), name, 7,
			   is_broken ? TOP_WARNING : TOP_PLAIN, count,
			   part_of(count, counts->matches),
			   (struct top_area){area.y + 1 + i, area.x, 1, area.width});
	}
}

void top_panel_references(const struct top_picture *picture, struct top_area area)
{
	/* The map has fewer steps. */
	static const char *const classes[TOP_BUCKETS] = {"1",    "2",    "3-4",  "5-8",
							 "9-64", "9-64", "9-64", "65 and more"};
	const struct top_counts *counts = &picture->model->sample->counts;
	uint64_t most = 0;

	for (unsigned i = 0; i < TOP_BUCKETS; i++)
		if (counts->buckets[i] > most)
			most = counts->buckets[i];
	top_put(area.y, area.x, area.width, TOP_PLAIN, "REFERENCES");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (int i = 0; i < TOP_BUCKETS && i + 1 < area.height; i++)
		draw_count(picture, class_if(picture, MAP_BY_REFS, classes[i]),
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

/* The caches: a line for each CPU, or all in one. */
static unsigned list_caches(const struct allocator_counts *counts, bool in_one,
			    struct free_line *lines)
{
	for (unsigned cpu = 0; cpu < counts->caches; cpu++) {
		struct free_line *line = &lines[in_one ? 0 : cpu];

		line->frames += counts->cached[cpu];
		line->count = line->frames;
		snprintf(line->name, sizeof(line->name), in_one ? "caches" : "cpu %u", cpu);
	}
	return in_one ? counts->caches > 0 : counts->caches;
}

static unsigned list_blocks(const struct allocator_counts *counts, struct free_line *lines)
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

/* Large blocks last. When there is no room for all, small ones go. */
void top_panel_allocator(const struct top_picture *picture, struct top_area area)
{
	const struct allocator_counts *counts = &picture->model->sample->allocator;
	struct free_line lines[MAX_CPUS + 1 + ALLOCATOR_ORDERS_MAX] = {0};
	unsigned rows = (unsigned)area.height - 1, used = 0;

	top_put(area.y, area.x, area.width, TOP_PLAIN, "FREE, about");
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	if (!counts->is_known) {
		if (area.height > 1)
			top_put(area.y + 1, area.x, area.width, TOP_FAINT, "%s", counts->why.text);
		return;
	}
	struct free_line blocks[ALLOCATOR_ORDERS_MAX] = {0};
	unsigned orders = list_blocks(counts, blocks);

	used = list_caches(counts, orders + 1 + counts->caches > rows, lines);
	lines[used++] = (struct free_line){"depot", counts->depot, counts->depot};
	unsigned room = rows > used ? rows - used : 0, skip = orders > room ? orders - room : 0;

	memcpy(&lines[used], &blocks[skip], (orders - skip) * sizeof(blocks[0]));
	used += orders - skip;
	for (unsigned i = 0; i < used && i < rows; i++)
		draw_count(picture, NULL, lines[i].name, FREE_NAME, TOP_PLAIN, lines[i].count,
			   part_of(lines[i].frames, counts->free_frames),
			   (struct top_area){area.y + 1 + (int)i, area.x, 1, area.width});
}

static bool draws_halves(const struct top_terminal *terminal)
{
	return terminal->has_colours && terminal->has_blocks;
}

void top_map_room(const struct top_terminal *terminal, struct top_area area, unsigned *columns,
		  unsigned *rows)
{
	int lines = area.height - 1, width = area.width - LABEL_WIDTH - 1;

	*rows = lines > 0 ? (unsigned)lines * (draws_halves(terminal) ? 2 : 1) : 0;
	*columns = width > 0 ? (unsigned)width : 0;
}

/* How a map is laid out: as it was gathered, or with cells merged when the screen has become too small for that. */
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

static const struct map_class *class_at(const struct map_image *map,
					const struct map_layout *layout, unsigned column,
					unsigned row)
{
	uint64_t cell = (uint64_t)row * layout->columns + column;
	uint8_t class = top_map_merge(map, cell * layout->factor, layout->factor);

	return class == MAP_NO_CLASS ? NULL : &map->classes[class];
}

static void draw_map_line(const struct top_picture *picture, const struct map_layout *layout,
			  unsigned row, int y, int x)
{
	const struct map_image *map = &picture->model->sample->map;
	bool halves = draws_halves(picture->terminal);

	for (unsigned column = 0; column < layout->columns; column++) {
		const struct map_class *upper = class_at(map, layout, column, row);

		if (upper && halves)
			top_half_blocks(y, x + (int)column, upper,
					class_at(map, layout, column, row + 1));
		else
			top_swatch(picture->terminal, y, x + (int)column, upper);
	}
}

void top_panel_map(const struct top_picture *picture, struct top_area area)
{
	const struct map_image *map = &picture->model->sample->map;
	char cell[MAP_SIZE_TEXT], label[MAP_SIZE_TEXT];
	unsigned columns, rows, step = draws_halves(picture->terminal) ? 2 : 1;

	top_map_room(picture->terminal, area, &columns, &rows);
	if (!map->cells || columns == 0 || rows == 0)
		return;
	struct map_layout layout = map_layout(map, columns, rows);
	uint64_t bytes = map->grid.frames_per_cell * layout.factor * PAGE_SIZE;

	top_put(area.y, area.x, area.width, TOP_PLAIN, "MAP by %s, a cell is %s",
		map_by_name(map->by), map_size_text(cell, bytes));
	top_fill(area.y, area.x, area.width, TOP_HEADING);
	for (unsigned row = 0; row < rows; row += step) {
		int y = area.y + 1 + (int)(row / step);
		uint64_t address = bytes * layout.columns * row;

		if (address >= map->slot_count * PAGE_SIZE)
			break;
		if (row / step % LABELS_APART == 0)
			top_put(y, area.x, LABEL_WIDTH, TOP_FAINT, "%*s", LABEL_WIDTH,
				map_size_text(label, address));
		draw_map_line(picture, &layout, row, y, area.x + LABEL_WIDTH + 1);
	}
}
