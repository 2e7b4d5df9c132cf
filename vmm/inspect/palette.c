/* SPDX-License-Identifier: MPL-2.0 */
/* Colours that can be told apart: see palette.h. */
#include "inspect/palette.h"

#include <stdbool.h>
#include <string.h>

struct colour palette_state(enum ref_class class)
{
	static const struct colour colours[REF_CLASS_COUNT] = {
		[REF_CLASS_UNUSED] = {0xe9, 0xe9, 0xe9}, [REF_CLASS_BUSY] = {0x00, 0xe5, 0xe5},
		[REF_CLASS_SHARED] = {0x00, 0x72, 0xb2}, [REF_CLASS_UNIQUE] = {0xe6, 0x9f, 0x00},
		[REF_CLASS_HOST] = {0x00, 0x00, 0x00},   [REF_CLASS_ILLEGAL] = COLOUR_BROKEN,
	};
	return colours[class];
}

struct colour palette_step(unsigned step)
{
	static const struct colour colours[PALETTE_STEPS] = {
		{0xb4, 0xde, 0x2c}, {0x4a, 0xc1, 0x6d}, {0x1f, 0x9d, 0x8a},
		{0x2c, 0x72, 0x8e}, {0x41, 0x44, 0x87}, {0x44, 0x01, 0x54},
	};
	return colours[step];
}

/* The first ones are the easiest to tell apart. */
static const struct colour type_colours[] = {
	{0x00, 0x72, 0xb2}, {0xe6, 0x9f, 0x00}, {0x00, 0x9e, 0x73}, {0x56, 0xb4, 0xe9},
	{0xcc, 0x79, 0xa7}, {0xf0, 0xe4, 0x42}, {0x33, 0x22, 0x88}, {0x99, 0x99, 0x33},
	{0x88, 0x22, 0x55}, {0x44, 0xaa, 0x99}, {0x8b, 0x5a, 0x2b}, {0xb2, 0xdf, 0x8a},
	{0xaa, 0x99, 0xdd}, {0x11, 0x77, 0x33}, {0xdd, 0xcc, 0x77}, {0xaa, 0x44, 0x99},
};

#define TYPE_COLOURS (sizeof(type_colours) / sizeof(type_colours[0]))
/* The same lighter, and then darker: enough for META_TYPES_MAX. */
#define TYPE_PLACES  (3 * TYPE_COLOURS)

_Static_assert(TYPE_PLACES >= META_TYPES_MAX, "a colour for each type");

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

/* Types that every guest has, or that are drawn often: chosen to lie well side by side. */
static const struct {
	const char *name;
	unsigned place;
} chosen[] = {
	{"meta_page", 6}, {"page_table", 1}, {"anon", 3},       {"slab", 2},
	{"kernel", 8},    {"early", 10},     {"held_table", 5},
};

/* What is no memory, or not to be used: greys, darker than what is free. */
static bool grey_of(enum type_role role, struct colour *colour)
{
	if (role == TYPE_ROLE_HOLE)
		*colour = (struct colour){0x96, 0x96, 0x96};
	else if (role == TYPE_ROLE_RESERVED)
		*colour = (struct colour){0x5a, 0x5a, 0x5a};
	else
		return false;
	return true;
}

static unsigned name_hash(const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return (unsigned)hash;
}

/* The place of a name: its own, or the next one that is free. */
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

/* Chosen ones first, then by name: who comes first takes the place that two want. */
static bool goes_before(const char *left, const char *right)
{
	if (is_chosen(left) != is_chosen(right))
		return is_chosen(left);
	return strcmp(left, right) < 0;
}

void palette_types(const struct palette_type *types, unsigned count, struct colour *colours)
{
	bool is_taken[TYPE_PLACES] = {false};
	unsigned order[META_TYPES_MAX];

	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;

		for (; at > 0 && goes_before(types[i].name, types[order[at - 1]].name); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct palette_type *type = &types[order[i]];

		if (!grey_of(type->role, &colours[order[i]]))
			colours[order[i]] = place_colour(take_place(type->name, is_taken));
	}
}

/* The colour cube of 6 x 6 x 6 begins at 16; its steps are 0, 95, 135, 175, 215 and 255. */
static unsigned cube_step(uint8_t value)
{
	if (value < 48)
		return 0;
	return value < 115 ? 1 : (value - 35U) / 40;
}

unsigned palette_terminal_index(struct colour colour)
{
	/* Greys have 24 steps of their own, from 8 by tens. */
	if (colour.red == colour.green && colour.green == colour.blue && colour.red >= 8 &&
	    colour.red < 0xee)
		return 232 + (colour.red - 8U) / 10;
	return 16 + 36 * cube_step(colour.red) + 6 * cube_step(colour.green) +
	       cube_step(colour.blue);
}
