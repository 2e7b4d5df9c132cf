/* SPDX-License-Identifier: MPL-2.0 */
/* Memory as a grid of cells: see map_image.h. */
#include "inspect/map_image.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/find/expression.h"
#include "inspect/state_order.h"
#include "kind/frame_walk.h"
#include "kind/kind.h"
#include "kind/property.h"
#include "memory/residency.h"

/* Upper bounds of the reference counts that share a class. */
static const uint32_t step_ends[MAP_STEPS] = {1, 2, 4, 8, 64, UINT32_MAX};
static const char *const step_names[MAP_STEPS] = {"1", "2", "3-4", "5-8", "9-64", "65 and more"};
static const char step_letters[MAP_STEPS] = {'1', '2', '3', '5', '9', '+'};

_Static_assert(MAP_STEPS <= FRAME_TYPES_MAX, "steps have room instead of types");
_Static_assert(PROPERTY_VALUES_MAX <= FRAME_TYPES_MAX, "values have room instead of types");
_Static_assert(MAP_CLASSES_MAX <= MAP_NO_CLASS, "a class fits a cell");

#define NO_LETTER '\0' /* of a type, before it gets one */

struct builder {
	const struct guest *guest;
	struct map_image *image;
	uint8_t states[FRAME_STATES_MAX]; /* the class of each state */
	uint8_t steps[MAP_STEPS];
	uint8_t held[2]; /* of frames that the host keeps memory for: in use, free */
	uint8_t absent;  /* of those for which it keeps none */
	int property;    /* whose values are shown; see property.h */
	uint8_t values[PROPERTY_VALUES_MAX], no_value;
	uint8_t wild;
	uint8_t unread;
	/* The current cell, and its counts so far. */
	uint64_t cell;
	uint64_t cell_frames;
	uint64_t counts[MAP_CLASSES_MAX];
	const struct expression *mark;
	bool is_marked; /* the current cell */
	struct residency residency;
	uint64_t note; /* see struct frame_records */
};

/* Adds a class and returns its index. */
static uint8_t add_class(struct map_image *image, const char *name, struct map_class class)
{
	struct map_class *added = &image->classes[image->class_count];

	*added = class;
	snprintf(added->name, sizeof(added->name), "%s", name);
	return (uint8_t)image->class_count++;
}

static bool is_letter_free(const struct map_image *image, char letter)
{
	for (unsigned i = 0; i < image->class_count; i++)
		if (image->classes[i].letter == letter)
			return false;
	return true;
}

/* A free letter of the name, small if possible, else any free character. */
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

/* Types that were seen choose first; among them, those whose first letter is still free. */
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

/* A type's class has the type's index. */
static void add_types(struct builder *builder)
{
	const struct guest *guest = builder->guest;

	for (unsigned i = 0; i < guest->type_count; i++)
		add_class(builder->image, guest->types[i].name,
			  (struct map_class){.of = MAP_OF_TYPE, .index = i, .letter = NO_LETTER});
	builder->wild =
		add_class(builder->image, "wild",
			  (struct map_class){.of = MAP_OF_WILD, .letter = '*', .is_broken = true});
}

static void add_steps(struct builder *builder)
{
	for (unsigned i = 0; i < MAP_STEPS; i++)
		builder->steps[i] = add_class(builder->image, step_names[i],
					      (struct map_class){.of = MAP_OF_STEP,
								 .index = i,
								 .letter = step_letters[i]});
}

/* Whether frames in a state show their type or their references instead. */
static bool shows_more(enum map_by by, const struct frame_state *state)
{
	return state->is_in_use && (by == MAP_BY_TYPE || (by == MAP_BY_REFS && state->has_count));
}

static void add_states(struct builder *builder)
{
	static const enum frame_tone tones[TONE_COUNT] = {TONE_SHARED, TONE_OWNED,  TONE_TRANSIENT,
							  TONE_HOST,   TONE_BROKEN, TONE_FREE};
	const struct kind *kind = builder->guest->kind;
	uint8_t states[FRAME_STATES_MAX];
	unsigned count = state_order(kind, tones, states);

	for (unsigned i = 0; i < count; i++) {
		const struct frame_state *state = &kind->states[states[i]];

		if (shows_more(builder->image->by, state))
			continue;
		builder->states[states[i]] =
			add_class(builder->image, state->name,
				  (struct map_class){.of = MAP_OF_STATE,
						     .index = states[i],
						     .tone = state->tone,
						     .letter = state->letter,
						     .is_broken = state->is_broken});
	}
}

/* The tones are those of what calls for attention, of what is well, and of nothing. */
static void add_held(struct builder *builder)
{
	builder->held[false] = add_class(
		builder->image, "in use, held",
		(struct map_class){.of = MAP_OF_STATE, .tone = TONE_SHARED, .letter = 'u'});
	builder->held[true] = add_class(
		builder->image, "free, held",
		(struct map_class){.of = MAP_OF_STATE, .tone = TONE_TRANSIENT, .letter = 'F'});
	builder->absent =
		add_class(builder->image, "not held",
			  (struct map_class){.of = MAP_OF_STATE, .tone = TONE_FREE, .letter = '.'});
}

/* The property of this guest that has a name; -1: it has none. */
static int find_property(const struct guest *guest, const char *name)
{
	const struct property_ops *ops = guest->kind->properties;
	char found[PROPERTY_NAME_SIZE];

	for (unsigned i = 0; ops && i < ops->count; i++)
		if (ops->name(guest, i, found) && strcmp(found, name) == 0)
			return (int)i;
	return -1;
}

/* The names of a property's values. */
static void add_values(struct builder *builder)
{
	const struct property_ops *ops = builder->guest->kind->properties;

	builder->no_value =
		add_class(builder->image, "none",
			  (struct map_class){.of = MAP_OF_STATE, .tone = TONE_FREE, .letter = '.'});
	memset(builder->values, builder->no_value, sizeof(builder->values));
	builder->property = find_property(builder->guest, map_by_name(builder->image->by));
	for (unsigned i = 0; builder->property >= 0 && i < PROPERTY_VALUES_MAX; i++) {
		const char *name = ops->value_name(builder->guest, (unsigned)builder->property, i);

		if (name)
			builder->values[i] = add_class(builder->image, name,
						       (struct map_class){.of = MAP_OF_TYPE,
									  .index = i,
									  .letter = NO_LETTER});
	}
}

/* Classes of frames in use come first: if two have as many frames in a cell, the first is shown. */
static void add_classes(struct builder *builder)
{
	if (builder->image->by == MAP_BY_TYPE)
		add_types(builder);
	if (builder->image->by == MAP_BY_REFS)
		add_steps(builder);
	if (builder->image->by == MAP_BY_RESIDENT)
		add_held(builder);
	else if (builder->image->by == MAP_BY_MIGRATETYPE)
		add_values(builder);
	else
		add_states(builder);
	builder->unread = add_class(builder->image, "not read",
				    (struct map_class){.of = MAP_OF_UNREAD, .letter = '~'});
}

static unsigned step_of(uint32_t references)
{
	unsigned step = 0;

	while (references > step_ends[step])
		step++;
	return step;
}

static uint8_t value_class(const struct builder *builder, pfn_t pfn, const struct frame *frame)
{
	const struct frame_records none = {NULL, pfn, 0, NULL};
	uint64_t value;

	if (builder->property < 0 ||
	    !builder->guest->kind->properties->read(builder->guest, (unsigned)builder->property,
						    &none, pfn, frame, &value) ||
	    value >= PROPERTY_VALUES_MAX)
		return builder->no_value;
	return builder->values[value];
}

static uint8_t frame_class(struct builder *builder, pfn_t pfn, const struct frame *frame)
{
	enum map_by by = builder->image->by;

	if (frame->state == FRAME_NEVER_WRITTEN || frame->state == FRAME_UNSTABLE)
		return builder->unread;
	if (by == MAP_BY_RESIDENT)
		return residency_has(&builder->residency, pfn)
			       ? builder->held[guest_state(builder->guest, frame->state)->tone ==
					       TONE_FREE]
			       : builder->absent;
	if (by == MAP_BY_MIGRATETYPE)
		return value_class(builder, pfn, frame);
	if (!shows_more(by, guest_state(builder->guest, frame->state)))
		return builder->states[frame->state];
	if (by == MAP_BY_REFS)
		return builder->steps[step_of(frame->references)];
	return frame->type < 0 ? builder->wild : (uint8_t)frame->type;
}

/* Decides what the current cell shows, and goes on to the next. */
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
	if (builder->mark)
		builder->image->marks[builder->cell] = builder->is_marked;
	builder->image->cells[builder->cell++] = (uint8_t)best;
	builder->cell_frames = 0;
	builder->is_marked = false;
	memset(builder->counts, 0, sizeof(builder->counts));
}

static void mark(struct builder *builder, const struct frame_batch *batch, uint64_t i)
{
	const struct frame_records in_hand = {batch->records, batch->first, batch->count,
					      &builder->note};
	const struct expression_frame at = {
		.pfn = pfn(batch->first.index + i),
		.frame = &batch->frames[i],
		.record = batch->records ? batch->records + i * builder->guest->kind->record_size
					 : NULL,
		.residency = &builder->residency,
		.in_hand = &in_hand,
	};

	if (at.frame->state == FRAME_NEVER_WRITTEN || at.frame->state == FRAME_UNSTABLE ||
	    !expression_matches(builder->mark, &at))
		return;
	builder->is_marked = true;
	builder->image->marked_frames++;
}

/* A result of 1 ends the walk: the rest of the memory is not in the picture. */
static int add_frames(void *own, const struct frame_batch *batch)
{
	struct builder *builder = own;
	struct map_image *image = builder->image;
	uint64_t end = image->first.index + image->frame_count;
	uint64_t begin = batch->first.index < image->first.index
				 ? image->first.index - batch->first.index
				 : 0;

	builder->note = 0;
	for (uint64_t i = begin; i < batch->count; i++) {
		if (batch->first.index + i >= end)
			return 1;
		if (builder->mark && batch->frames)
			mark(builder, batch, i);
		/* A batch without frames was not read. */
		uint8_t class = batch->frames ? frame_class(builder, pfn(batch->first.index + i),
							    &batch->frames[i])
					      : builder->unread;

		builder->counts[class]++;
		image->classes[class].frames++;
		if (++builder->cell_frames == image->grid.frames_per_cell)
			finish_cell(builder);
	}
	return 0;
}

struct map_grid map_grid_fit(uint64_t frames, unsigned columns, unsigned rows_max)
{
	struct map_grid grid = {.columns = columns, .frames_per_cell = 1};
	uint64_t cells = frames;

	while (cells > (uint64_t)columns * rows_max) {
		grid.frames_per_cell *= 2;
		cells = (frames - 1) / grid.frames_per_cell + 1;
	}
	grid.rows = (unsigned)((cells + columns - 1) / columns);
	return grid;
}

bool map_by_applies(const struct guest *guest, enum map_by by)
{
	if (by == MAP_BY_RESIDENT)
		return guest->memory && residency_is_known(guest->memory);
	if (by == MAP_BY_MIGRATETYPE)
		return find_property(guest, map_by_name(by)) >= 0;
	return by != MAP_BY_REFS || guest->kind->has_references;
}

int map_image_build(const struct guest *guest, enum map_by by, struct map_grid grid,
		    struct map_image *image, struct error *err)
{
	const struct map_part all = {.grid = grid, .frame_count = guest->frame_count};

	return map_image_build_part(guest, by, &all, image, err);
}

static int fill_image(struct builder *builder, uint64_t cells)
{
	struct map_image *image = builder->image;
	enum frame_detail detail = image->by == MAP_BY_TYPE ? DETAIL_TYPE : DETAIL_STATE;

	memset(image->cells, MAP_NO_CLASS, cells);
	if (builder->mark && builder->mark->detail > detail)
		detail = builder->mark->detail;
	add_classes(builder);
	int result = frame_walk(builder->guest, detail, add_frames, builder, &image->reads);

	if (result >= 0 && builder->cell_frames > 0)
		finish_cell(builder);
	pick_letters(image);
	return result < 0 ? result : 0;
}

int map_image_build_part(const struct guest *guest, enum map_by by, const struct map_part *part,
			 struct map_image *image, struct error *err)
{
	struct builder *builder = calloc(1, sizeof(*builder));
	uint64_t cells = (uint64_t)part->grid.columns * part->grid.rows;
	int result = -ENOMEM;

	*image = (struct map_image){.by = by,
				    .grid = part->grid,
				    .first = part->first,
				    .frame_count = part->frame_count,
				    .ram_frames = guest->ram_frames,
				    .all_frames = guest->frame_count};
	image->cells = malloc(cells);
	if (part->mark)
		image->marks = calloc(cells, sizeof(*image->marks));
	if (builder && image->cells && (image->marks || !part->mark)) {
		builder->guest = guest;
		builder->image = image;
		builder->mark = part->mark;
		residency_init(&builder->residency, guest->memory);
		result = fill_image(builder, cells);
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
	free(image->marks);
	image->cells = NULL;
	image->marks = NULL;
}

const char *map_by_name(enum map_by by)
{
	static const char *const names[] = {
		[MAP_BY_TYPE] = "type",
		[MAP_BY_STATE] = "state",
		[MAP_BY_REFS] = "references",
		[MAP_BY_RESIDENT] = "resident",
		[MAP_BY_MIGRATETYPE] = "migratetype",
	};

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
	char part[48] = "";
	bool is_part = image->frame_count < image->all_frames;

	if (is_part)
		snprintf(part, sizeof(part), " from 0x%" PRIx64 " to 0x%" PRIx64,
			 pfn_to_paddr(image->first).addr,
			 (image->first.index + image->frame_count) * PAGE_SIZE);
	snprintf(text, MAP_TITLE_TEXT, "%.24s: %" PRIu64 " frames%s by %s; a cell is %s, a row %s",
		 name, is_part ? image->frame_count : image->ram_frames, part,
		 map_by_name(image->by), map_size_text(cell, bytes),
		 map_size_text(row, bytes * image->grid.columns));
	return text;
}

unsigned map_label_length(const struct map_image *image, unsigned apart)
{
	unsigned every = map_label_rows(image, apart);
	size_t longest = 0;
	char text[MAP_SIZE_TEXT];

	for (unsigned row = 0; row < image->grid.rows; row += every) {
		size_t length = strlen(map_size_text(text, map_image_row_address(image, row)));

		longest = length > longest ? length : longest;
	}
	return (unsigned)longest;
}

unsigned map_label_rows(const struct map_image *image, unsigned apart)
{
	unsigned rows = 1;

	while (rows < apart && rows < image->grid.rows)
		rows *= 2;
	return rows;
}
