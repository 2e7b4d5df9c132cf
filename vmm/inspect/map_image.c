/* SPDX-License-Identifier: MPL-2.0 */
/* Memory as a grid of cells: see map_image.h. */
#include "inspect/map_image.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind/pagevisor/slot_walk.h"

/* Upper bounds of the reference counts that share a class. */
static const uint32_t step_ends[PALETTE_STEPS] = {1, 2, 4, 8, 64, REF_MAX_HELD};
static const char *const step_names[PALETTE_STEPS] = {"1",   "2",    "3-4",
						      "5-8", "9-64", "65 and more"};
static const char step_letters[PALETTE_STEPS] = {'1', '2', '3', '5', '9', '+'};

static const char state_letters[REF_CLASS_COUNT] = {
	[REF_CLASS_UNUSED] = '.', [REF_CLASS_BUSY] = '?', [REF_CLASS_SHARED] = 'S',
	[REF_CLASS_UNIQUE] = 'U', [REF_CLASS_HOST] = '#', [REF_CLASS_ILLEGAL] = '!',
};

#define NO_LETTER '\0' /* of a type, before it gets one */

struct builder {
	const struct guest_view *view;
	struct map_image *image;
	uint8_t states[REF_CLASS_COUNT]; /* class of each */
	uint8_t steps[PALETTE_STEPS];
	uint8_t wild;
	uint8_t not_read;
	/* The cell at hand, and what has been counted of it. */
	uint64_t cell;
	uint64_t cell_frames;
	uint64_t counts[MAP_CLASSES_MAX];
	/* The chunk at hand. */
	struct read_counters reads;
	unsigned chunk_count;
	uint8_t chunk[SLOT_WALK_CHUNK]; /* class of each frame */
};

static uint8_t add_class(struct map_image *image, const char *name, struct colour colour,
			 char letter)
{
	struct map_class *class = &image->classes[image->class_count];

	snprintf(class->name, sizeof(class->name), "%s", name);
	class->colour = colour;
	class->letter = letter;
	return (uint8_t)image->class_count++;
}

static bool is_letter_free(const struct map_image *image, char letter)
{
	for (unsigned i = 0; i < image->class_count; i++)
		if (image->classes[i].letter == letter)
			return false;
	return !strchr(".?#!~*", letter);
}

/* A letter of the name if one is free, small or large, else any. */
static char pick_letter(const struct map_image *image, const char *name)
{
	for (const char *at = name; *at; at++)
		if (isalpha((unsigned char)*at) &&
		    is_letter_free(image, (char)tolower((unsigned char)*at)))
			return (char)tolower((unsigned char)*at);
	for (const char *at = name; *at; at++)
		if (isalpha((unsigned char)*at) &&
		    is_letter_free(image, (char)toupper((unsigned char)*at)))
			return (char)toupper((unsigned char)*at);
	for (char letter = '0'; letter < '~'; letter++)
		if (is_letter_free(image, letter))
			return letter;
	return '~';
}

/* Types that were seen choose first; among them, those whose first letter nobody took before. */
static void pick_letters(struct map_image *image)
{
	for (unsigned pass = 0; pass < 3; pass++)
		for (unsigned i = 0; i < image->class_count; i++) {
			struct map_class *class = &image->classes[i];
			char first = (char)tolower((unsigned char)class->name[0]);

			if (class->letter != NO_LETTER || (class->frames == 0 && pass < 2))
				continue;
			if (pass > 0)
				class->letter = pick_letter(image, class->name);
			else if (isalpha((unsigned char)first) && is_letter_free(image, first))
				class->letter = first;
		}
}

static void add_state(struct builder *builder, enum ref_class class)
{
	builder->states[class] = add_class(builder->image, ref_class_name(class),
					   palette_state(class), state_letters[class]);
	builder->image->classes[builder->states[class]].is_broken = class == REF_CLASS_ILLEGAL;
}

static void add_types(struct builder *builder)
{
	struct palette_type types[META_TYPES_MAX];
	struct colour colours[META_TYPES_MAX];
	const struct guest_view *view = builder->view;

	for (unsigned i = 0; i < view->type_count; i++)
		types[i] = (struct palette_type){view->types[i].name, view->types[i].role};
	palette_types(types, view->type_count, colours);
	for (unsigned i = 0; i < view->type_count; i++)
		add_class(builder->image, types[i].name, colours[i], NO_LETTER);
	builder->wild = add_class(builder->image, "wild", COLOUR_BROKEN, '*');
	builder->image->classes[builder->wild].is_broken = true;
}

/* What is in use comes first: where two classes have as many frames in a cell, the first is shown. */
static void add_classes(struct builder *builder)
{
	switch (builder->image->by) {
	case MAP_BY_TYPE:
		add_types(builder);
		break;
	case MAP_BY_STATE:
		add_state(builder, REF_CLASS_SHARED);
		add_state(builder, REF_CLASS_UNIQUE);
		break;
	case MAP_BY_REFS:
		for (unsigned i = 0; i < PALETTE_STEPS; i++)
			builder->steps[i] = add_class(builder->image, step_names[i],
						      palette_step(i), step_letters[i]);
		add_state(builder, REF_CLASS_UNIQUE);
		break;
	}
	add_state(builder, REF_CLASS_BUSY);
	add_state(builder, REF_CLASS_HOST);
	add_state(builder, REF_CLASS_ILLEGAL);
	add_state(builder, REF_CLASS_UNUSED);
	builder->not_read = add_class(builder->image, "not read", COLOUR_NOT_READ, '~');
}

static uint8_t type_class(struct builder *builder, const struct meta_slot *slot)
{
	struct slot_copy copy;
	int type;

	switch (slot_read(slot, &copy, &builder->reads)) {
	case SLOT_READ_OK:
		type = guest_view_type(builder->view, copy.vtable_ptr);
		return type < 0 ? builder->wild : (uint8_t)type;
	case SLOT_READ_NOT_IN_USE:
		return builder->states[ref_classify(slot_state_refs(copy.state))];
	default:
		return builder->not_read;
	}
}

static uint8_t slot_class(struct builder *builder, const struct meta_slot *slot)
{
	uint32_t refs = slot_state_refs(slot_read_state(slot));
	enum ref_class class = ref_classify(refs);

	if (builder->image->by == MAP_BY_TYPE && ref_in_use(refs))
		return type_class(builder, slot);
	if (builder->image->by == MAP_BY_REFS && class == REF_CLASS_SHARED) {
		unsigned step = 0;

		while (refs > step_ends[step])
			step++;
		return builder->steps[step];
	}
	return builder->states[class];
}

static void begin_chunk(void *own)
{
	struct builder *builder = own;

	builder->chunk_count = 0;
	builder->reads = (struct read_counters){0};
}

static void classify_slots(void *own, const struct meta_slot *slots, pfn_t first, uint64_t count)
{
	struct builder *builder = own;

	(void)first;
	builder->reads.slots += count;
	for (uint64_t i = 0; i < count; i++)
		builder->chunk[builder->chunk_count++] = slot_class(builder, &slots[i]);
}

static void skip_slots(void *own, pfn_t first, uint64_t count)
{
	struct builder *builder = own;

	(void)first;
	memset(builder->chunk + builder->chunk_count, builder->not_read, count);
	builder->chunk_count += (unsigned)count;
}

static void skip_unstable(void *own, pfn_t first, uint64_t count)
{
	struct builder *builder = own;

	builder->reads.slots += count;
	builder->reads.unstable += count;
	skip_slots(builder, first, count);
}

static void count_retried(void *own, uint64_t copies)
{
	struct builder *builder = own;

	builder->reads.retries += copies;
}

/* Decides what the cell at hand shows, and goes on to the next. */
static void finish_cell(struct builder *builder)
{
	const struct map_class *classes = builder->image->classes;
	unsigned best = 0;

	for (unsigned i = 0; i < builder->image->class_count; i++) {
		if (builder->counts[i] == 0)
			continue;
		if (classes[i].is_broken ||
		    (!classes[best].is_broken && builder->counts[i] > builder->counts[best]))
			best = i;
		if (classes[best].is_broken)
			break;
	}
	builder->image->cells[builder->cell++] = (uint8_t)best;
	builder->cell_frames = 0;
	memset(builder->counts, 0, sizeof(builder->counts));
}

static int keep_chunk(void *own)
{
	struct builder *builder = own;
	struct map_image *image = builder->image;

	for (unsigned i = 0; i < builder->chunk_count; i++) {
		builder->counts[builder->chunk[i]]++;
		image->classes[builder->chunk[i]].frames++;
		if (++builder->cell_frames == image->grid.frames_per_cell)
			finish_cell(builder);
	}
	read_counters_add(&image->reads, &builder->reads);
	return 0;
}

static int lose_chunk(void *own, pfn_t first, uint64_t count)
{
	struct builder *builder = own;

	begin_chunk(builder);
	skip_slots(builder, first, count);
	builder->reads.slots = builder->reads.unstable = count;
	return keep_chunk(builder);
}

struct map_grid map_grid_fit(uint64_t slots, unsigned columns, unsigned rows_max)
{
	struct map_grid grid = {.columns = columns, .frames_per_cell = 1};
	uint64_t cells = slots;

	while (cells > (uint64_t)columns * rows_max) {
		grid.frames_per_cell *= 2;
		cells = (slots - 1) / grid.frames_per_cell + 1;
	}
	grid.rows = (unsigned)((cells + columns - 1) / columns);
	return grid;
}

int map_image_build(const struct guest_memory *memory, const struct guest_view *view,
		    enum map_by by, struct map_grid grid, struct map_image *image,
		    struct error *err)
{
	static const struct slot_visitor visitor = {
		.begin = begin_chunk,
		.slots = classify_slots,
		.hole = skip_slots,
		.unstable = skip_unstable,
		.retried = count_retried,
		.keep = keep_chunk,
		.lose = lose_chunk,
	};
	struct builder *builder = calloc(1, sizeof(*builder));
	uint64_t cells = (uint64_t)grid.columns * grid.rows;
	int result = -ENOMEM;

	*image = (struct map_image){.by = by, .grid = grid, .slot_count = view->slot_count};
	image->cells = malloc(cells);
	if (builder && image->cells) {
		memset(image->cells, MAP_NO_CLASS, cells);
		builder->view = view;
		builder->image = image;
		add_classes(builder);
		result = slot_walk(memory, view, &visitor, builder);
		if (result == 0 && builder->cell_frames > 0)
			finish_cell(builder);
		pick_letters(image);
	}
	free(builder);
	if (result == 0)
		return 0;
	map_image_free(image);
	if (result == -ENOMEM)
		return error_set(err, result, "no memory for a picture of %" PRIu64 " cells",
				 cells);
	return error_set(err, result, "the guest's metadata is no longer in its memory");
}

void map_image_free(struct map_image *image)
{
	free(image->cells);
	image->cells = NULL;
}

const char *map_by_name(enum map_by by)
{
	static const char *const names[] = {
		[MAP_BY_TYPE] = "type", [MAP_BY_STATE] = "state", [MAP_BY_REFS] = "references"};

	return names[by];
}

char *map_size_text(char *text, uint64_t bytes)
{
	unsigned shift = 0;

	while (bytes && shift < 30 && is_aligned(bytes, UINT64_C(1) << (shift + 10)))
		shift += 10;
	snprintf(text, MAP_SIZE_TEXT, "%" PRIu64 "%.*s", bytes >> shift, shift > 0,
		 &"BKMG"[shift / 10]);
	return text;
}

char *map_title_text(char *text, const struct map_image *image, const char *name)
{
	char cell[MAP_SIZE_TEXT], row[MAP_SIZE_TEXT];
	uint64_t bytes = image->grid.frames_per_cell * PAGE_SIZE;

	snprintf(text, MAP_TITLE_TEXT, "%.24s: %" PRIu64 " frames by %s; a cell is %s, a row %s",
		 name, image->slot_count, map_by_name(image->by), map_size_text(cell, bytes),
		 map_size_text(row, bytes * image->grid.columns));
	return text;
}

unsigned map_label_rows(const struct map_image *image, unsigned apart)
{
	unsigned rows = 1;

	while (rows < apart && rows < image->grid.rows)
		rows *= 2;
	return rows;
}
