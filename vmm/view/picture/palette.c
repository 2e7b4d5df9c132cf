/* SPDX-License-Identifier: MPL-2.0 */
/* Colours that can be told apart: see palette.h. */
#include "view/picture/palette.h"

#include <stdbool.h>
#include <string.h>

/*
 * In every picture red means broken, and light grey means free. That these, the steps below and the types that are
 * chosen there stay apart for people who see no red, no green or no blue, a test computes.
 */
static const struct colour tone_colours[TONE_COUNT] = {
	[TONE_FREE] = {0xdc, 0xdc, 0xdc},  [TONE_SHARED] = {0x00, 0x72, 0xb2},
	[TONE_OWNED] = {0xe6, 0x9f, 0x00}, [TONE_TRANSIENT] = {0x59, 0xde, 0xff},
	[TONE_HOST] = {0x00, 0x00, 0x00},  [TONE_BROKEN] = {0xe6, 0x2e, 0x00},
};
static const struct colour unread_colour = {0xff, 0xff, 0xff};

const struct colour palette_mark = {0xff, 0xff, 0x00};
const struct colour palette_mark_edge = {0x00, 0x00, 0x00};

/* Light to dark as counts grow: six of cividis, whose order everybody sees. */
static const struct colour step_colours[MAP_STEPS] = {
	{0xfe, 0xe8, 0x38}, {0xc8, 0xb8, 0x66}, {0x94, 0x8e, 0x77},
	{0x66, 0x69, 0x70}, {0x3b, 0x49, 0x6c}, {0x00, 0x22, 0x4e},
};

/* The first ones are the easiest to tell apart. */
static const struct colour type_colours[] = {
	{0x00, 0x72, 0xb2}, {0xe6, 0x9f, 0x00}, {0x00, 0x9e, 0x73}, {0x56, 0xb4, 0xe9},
	{0xcc, 0x79, 0xa7}, {0xf0, 0xe4, 0x42}, {0x33, 0x22, 0x88}, {0x99, 0x99, 0x33},
	{0x73, 0x11, 0x38}, {0x44, 0xaa, 0x99}, {0x8b, 0x5a, 0x2b}, {0xb2, 0xdf, 0x8a},
	{0xaa, 0x99, 0xdd}, {0x11, 0x77, 0x33}, {0xdd, 0xcc, 0x77}, {0xaa, 0x44, 0x99},
};

#define TYPE_COLOURS (sizeof(type_colours) / sizeof(type_colours[0]))
/* The same colours lighter, then darker: enough for FRAME_TYPES_MAX. */
#define TYPE_PLACES  (3 * TYPE_COLOURS)

_Static_assert(TYPE_PLACES >= FRAME_TYPES_MAX, "a colour for each type");

static struct colour place_colour(unsigned place)
{
	struct colour colour = type_colours[place % TYPE_COLOURS];

	if (place >= 2 * TYPE_COLOURS) {
		colour.red = (uint8_t)(colour.red * 5 / 8);
		colour.green = (uint8_t)(colour.green * 5 / 8);
		colour.blue = (uint8_t)(colour.blue * 5 / 8);
	} else if (place >= TYPE_COLOURS) {
		colour.red = (uint8_t)((colour.red + 0xff) / 2);
		colour.green = (uint8_t)((colour.green + 0xff) / 2);
		colour.blue = (uint8_t)((colour.blue + 0xff) / 2);
	}
	return colour;
}

/* Types that every guest has, or that are drawn often: their colours go well side by side. */
static const struct {
	const char *name;
	unsigned place;
} chosen[] = {
	{"meta_page", 6}, {"page_table", 1},  {"anon", 3},       {"slab", 2},
	{"kernel", 8},    {"early", 10},      {"held_table", 5}, {"kernel_page_table", 0},
	{"acpi_nvs", 47}, {"trace_ring", 11},
};

/* Frames that are not memory, or not usable as memory: greys, darker than free frames. */
static const struct {
	const char *name;
	struct colour colour;
} greys[] = {
	{"hole", {0xa6, 0xa6, 0xa6}},
	{"reserved", {0x5a, 0x5a, 0x5a}},
};

static bool grey_of(const char *name, struct colour *colour)
{
	for (size_t i = 0; i < sizeof(greys) / sizeof(greys[0]); i++)
		if (strcmp(greys[i].name, name) == 0) {
			*colour = greys[i].colour;
			return true;
		}
	return false;
}

static unsigned name_hash(const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return (unsigned)hash;
}

/* The place for a name: its own, or the next free one. */
static unsigned take_place(const char *name, bool *is_taken)
{
	unsigned place = name_hash(name) % TYPE_COLOURS;

	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		if (strcmp(chosen[i].name, name) == 0)
			place = chosen[i].place;
	while (is_taken[place])
		place = (place + 1) % TYPE_PLACES;
	is_taken[place] = true;
	return place;
}

static bool is_chosen(const char *name)
{
	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		if (strcmp(chosen[i].name, name) == 0)
			return true;
	return false;
}

/* Chosen types first, then by name: if two want the same place, the first one takes it. */
static bool goes_before(const char *left, const char *right)
{
	if (is_chosen(left) != is_chosen(right))
		return is_chosen(left);
	return strcmp(left, right) < 0;
}

/* Orders the classes that are types as they choose their places. Returns their number. */
static unsigned order_types(const struct map_image *image, const struct map_class **order)
{
	unsigned count = 0;

	for (unsigned i = 0; i < image->class_count; i++) {
		const struct map_class *class = &image->classes[i];
		unsigned at = count;

		if (class->of != MAP_OF_TYPE)
			continue;
		for (; at > 0 && goes_before(class->name, order[at - 1]->name); at--)
			order[at] = order[at - 1];
		order[at] = class;
		count++;
	}
	return count;
}

static void colour_types(const struct map_image *image, struct colour *colours)
{
	const struct map_class *order[FRAME_TYPES_MAX];
	unsigned count = order_types(image, order);
	bool is_taken[TYPE_PLACES] = {false};

	for (unsigned i = 0; i < count; i++) {
		struct colour *colour = &colours[order[i] - image->classes];

		if (!grey_of(order[i]->name, colour))
			*colour = place_colour(take_place(order[i]->name, is_taken));
	}
}

static struct colour colour_of(const struct map_class *class)
{
	switch (class->of) {
	case MAP_OF_STATE:
		return tone_colours[class->tone];
	case MAP_OF_STEP:
		return step_colours[class->index];
	case MAP_OF_WILD:
		return tone_colours[TONE_BROKEN];
	default:
		return unread_colour;
	}
}

void palette_of(const struct map_image *image, struct colour colours[MAP_CLASSES_MAX])
{
	for (unsigned i = 0; i < image->class_count; i++)
		colours[i] = colour_of(&image->classes[i]);
	colour_types(image, colours);
}

/* How light a colour looks, from 0 to 255, by the weights of ITU-R BT.601. */
static unsigned lightness(struct colour colour)
{
	return (299U * colour.red + 587U * colour.green + 114U * colour.blue) / 1000;
}

struct colour palette_ink(struct colour paper)
{
	return lightness(paper) < 0x80 ? (struct colour){0xff, 0xff, 0xff}
				       : (struct colour){0x00, 0x00, 0x00};
}

/* The colour cube of 6 x 6 x 6 begins at 16; its levels are 0, 95, 135, 175, 215 and 255. */
static unsigned cube_step(uint8_t value)
{
	if (value < 48)
		return 0;
	return value < 115 ? 1 : (value - 35U) / 40;
}

unsigned palette_terminal_index(struct colour colour)
{
	/* Greys have 24 levels of their own, from 8 in steps of 10. */
	if (colour.red == colour.green && colour.green == colour.blue && colour.red >= 8 &&
	    colour.red < 0xee)
		return 232 + (colour.red - 8U) / 10;
	return 16 + 36 * cube_step(colour.red) + 6 * cube_step(colour.green) +
	       cube_step(colour.blue);
}
