/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/view/picture/palette.h: whether colours stay apart for people who see no red, no green or no blue. Their
 * sight is simulated after Machado, Oliveira and Fernandes (2009), and distances are those of CIE L*a*b*, where 2 can
 * just be told apart side by side, and 10 at a glance.
 */
#include "unit/suites.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/picture/palette.h"

#define APART 10.0

struct linear {
	double red, green, blue;
};

struct lab {
	double l, a, b;
};

static const struct {
	const char *name;
	double rows[3][3];
} sights[] = {
	{"all colours", {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
	{"no red",
	 {{0.152286, 1.052583, -0.204868},
	  {0.114503, 0.786281, 0.099216},
	  {-0.003882, -0.048116, 1.051998}}},
	{"no green",
	 {{0.367322, 0.860646, -0.227968},
	  {0.280085, 0.672501, 0.047413},
	  {-0.011820, 0.042940, 0.968881}}},
	{"no blue",
	 {{1.255528, -0.076749, -0.178779},
	  {-0.078411, 0.930809, 0.147602},
	  {0.004733, 0.691367, 0.303900}}},
};

#define SIGHTS (sizeof(sights) / sizeof(sights[0]))

/* sRGB, IEC 61966-2-1. */
static double linear_of(uint8_t value)
{
	double part = value / 255.0;

	return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4);
}

static double seen(const double row[3], struct linear colour)
{
	double value = row[0] * colour.red + row[1] * colour.green + row[2] * colour.blue;

	return value < 0 ? 0 : value > 1 ? 1 : value;
}

static double lab_part(double value)
{
	return value > 0.008856 ? cbrt(value) : 7.787 * value + 16.0 / 116;
}

static struct lab lab_of(struct colour colour, unsigned sight)
{
	struct linear all = {linear_of(colour.red), linear_of(colour.green),
			     linear_of(colour.blue)};
	double red = seen(sights[sight].rows[0], all), green = seen(sights[sight].rows[1], all);
	double blue = seen(sights[sight].rows[2], all);
	double x = lab_part((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
	double y = lab_part(0.2126 * red + 0.7152 * green + 0.0722 * blue);
	double z = lab_part((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);

	return (struct lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static double distance(struct colour left, struct colour right, unsigned sight)
{
	struct lab a = lab_of(left, sight), b = lab_of(right, sight);

	return sqrt((a.l - b.l) * (a.l - b.l) + (a.a - b.a) * (a.a - b.a) +
		    (a.b - b.b) * (a.b - b.b));
}

static struct map_image image;
static struct colour colours[MAP_CLASSES_MAX];

static void add(const char *name, struct map_class class)
{
	image.classes[image.class_count] = class;
	strcpy(image.classes[image.class_count++].name, name);
}

/* What every picture may have. */
static void add_states(bool in_use)
{
	static const char *const names[TONE_COUNT] = {
		[TONE_FREE] = "free",           [TONE_SHARED] = "shared", [TONE_OWNED] = "owned",
		[TONE_TRANSIENT] = "transient", [TONE_HOST] = "host",     [TONE_BROKEN] = "broken"};

	for (unsigned tone = 0; tone < TONE_COUNT; tone++)
		if (in_use || (tone != TONE_SHARED && tone != TONE_OWNED))
			add(names[tone], (struct map_class){.of = MAP_OF_STATE, .tone = tone});
	add("not read", (struct map_class){.of = MAP_OF_UNREAD});
}

static void assert_apart(void)
{
	palette_of(&image, colours);
	for (unsigned i = 0; i < image.class_count; i++)
		for (unsigned j = 0; j < i; j++)
			for (unsigned sight = 0; sight < SIGHTS; sight++)
				ck_assert_msg(distance(colours[i], colours[j], sight) >= APART,
					      "%s and %s are %.1f apart with %s",
					      image.classes[i].name, image.classes[j].name,
					      distance(colours[i], colours[j], sight),
					      sights[sight].name);
}

static void setup(void)
{
	image.class_count = 0;
}

START_TEST(states_are_told_apart_by_all)
{
	add_states(true);
	assert_apart();
}
END_TEST

START_TEST(common_types_are_told_apart_by_all)
{
	static const char *const types[] = {
		"meta_page",  "page_table",        "anon",     "slab",       "kernel", "early",
		"held_table", "kernel_page_table", "acpi_nvs", "trace_ring", "hole",   "reserved"};

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		add(types[i], (struct map_class){.of = MAP_OF_TYPE, .index = i});
	add_states(false);
	assert_apart();
}
END_TEST

START_TEST(counts_are_told_apart_and_in_order_by_all)
{
	char name[8];

	for (unsigned i = 0; i < MAP_STEPS; i++) {
		snprintf(name, sizeof(name), "step %u", i);
		add(name, (struct map_class){.of = MAP_OF_STEP, .index = i});
	}
	add("owned", (struct map_class){.of = MAP_OF_STATE, .tone = TONE_OWNED});
	add_states(false);
	assert_apart();
	for (unsigned i = 1; i < MAP_STEPS; i++)
		for (unsigned sight = 0; sight < SIGHTS; sight++)
			ck_assert_double_lt(lab_of(colours[i], sight).l,
					    lab_of(colours[i - 1], sight).l);
}
END_TEST

/* A mark has two colours, so that it stands out on any cell, and its letter can be read on it. */
START_TEST(a_mark_stands_out_on_every_colour)
{
	add_states(true);
	for (unsigned i = 0; i < FRAME_TYPES_MAX; i++) {
		char name[8];

		snprintf(name, sizeof(name), "t%u", i);
		if (image.class_count < MAP_CLASSES_MAX)
			add(name, (struct map_class){.of = MAP_OF_TYPE, .index = i});
	}
	palette_of(&image, colours);
	for (unsigned sight = 0; sight < SIGHTS; sight++) {
		ck_assert_double_gt(distance(palette_mark, palette_mark_edge, sight), 50);
		for (unsigned i = 0; i < image.class_count; i++) {
			double light = lab_of(colours[i], sight).l;

			ck_assert_double_gt(fabs(lab_of(palette_ink(colours[i]), sight).l - light),
					    35);
			ck_assert(distance(colours[i], palette_mark, sight) > 20 ||
				  distance(colours[i], palette_mark_edge, sight) > 20);
		}
	}
}
END_TEST

/* On a terminal of 256 colours they are not the same either. */
START_TEST(states_differ_among_256_colours)
{
	add_states(true);
	palette_of(&image, colours);
	for (unsigned i = 0; i < image.class_count; i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_ne(palette_terminal_index(colours[i]),
					  palette_terminal_index(colours[j]));
}
END_TEST

Suite *palette_suite(void)
{
	Suite *suite = suite_create("palette");
	TCase *tcase = tcase_create("palette");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, states_are_told_apart_by_all);
	tcase_add_test(tcase, common_types_are_told_apart_by_all);
	tcase_add_test(tcase, counts_are_told_apart_and_in_order_by_all);
	tcase_add_test(tcase, a_mark_stands_out_on_every_colour);
	tcase_add_test(tcase, states_differ_among_256_colours);
	suite_add_tcase(suite, tcase);
	return suite;
}
