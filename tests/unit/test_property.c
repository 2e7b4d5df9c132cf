/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/property.h: the names that one kind of guest adds to expressions, over a kind that exists only here. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "inspect/find/expression.h"
#include "kind/guest.h"
#include "kind/property.h"

enum { FLAG_WET, FLAG_RED, FLAG_GONE, HEIGHT, SHELF, COUNT };

static const char *const names[COUNT] = {"flags.wet", "flags.red", "flags.gone", "height", "shelf"};
static const char *const shelves[] = {"Lower", NULL, "Upper"};

static bool name_of(const struct guest *guest, unsigned property, char name[PROPERTY_NAME_SIZE])
{
	(void)guest;
	strcpy(name, names[property]);
	return property != FLAG_GONE;
}

static const char *value_name(const struct guest *guest, unsigned property, uint64_t value)
{
	(void)guest;
	return property == SHELF && value < 3 ? shelves[value] : NULL;
}

/* A byte for each property; 0xff: not known. What is in hand has the neighbours. */
static bool read_property(const struct guest *guest, unsigned property,
			  const struct frame_records *in_hand, pfn_t pfn, const struct frame *frame,
			  uint64_t *value)
{
	(void)guest;
	(void)frame;
	ck_assert_uint_lt(pfn.index - in_hand->first.index, in_hand->count);
	*value = ((const uint8_t *)
			  in_hand->records)[8 * (pfn.index - in_hand->first.index) + property];
	return *value != 0xff;
}

static const struct property_ops ops = {
	.count = COUNT, .name = name_of, .value_name = value_name, .read = read_property};
static const struct frame_state states[] = {{.name = "free", .tone = TONE_FREE}};
static const struct kind kind = {.name = "shelves",
				 .record_size = 8,
				 .state_count = 1,
				 .states = states,
				 .properties = &ops};
static const struct guest guest = {.kind = &kind};
static const uint8_t records[2][8] = {{1, 0, 1, 7, 2}, {0, 1, 1, 0xff, 0}};
static struct expression expression;
static struct error err;

static bool matches(const char *text, unsigned at, bool has_neighbours)
{
	static const struct frame frame = {.type = FRAME_TYPE_NONE};
	const struct frame_records all = {records, pfn(100), 2, NULL};
	const struct expression_frame subject = {.pfn = pfn(100 + at),
						 .frame = &frame,
						 .record = records[at],
						 .in_hand = has_neighbours ? &all : NULL};

	ck_assert_msg(expression_compile(text, &guest, NULL, &expression, &err) == 0, "%s",
		      err.text);
	ck_assert_int_eq(expression.detail, DETAIL_RECORD);
	return expression_matches(&expression, &subject);
}

static void assert_matches(const char *text, bool first, bool second)
{
	for (unsigned neighbours = 0; neighbours < 2; neighbours++) {
		ck_assert_msg(matches(text, 0, neighbours) == first, "%s of the first", text);
		ck_assert_msg(matches(text, 1, neighbours) == second, "%s of the second", text);
	}
}

START_TEST(they_are_numbers)
{
	assert_matches("flags.wet", true, false);
	assert_matches("!flags.wet && flags.red", false, true);
	assert_matches("height == 7", true, false);
	assert_matches("flags.wet + height - 1 == 7", true, false);
	/* What is not known is nothing, and its opposite neither. */
	assert_matches("height || !height", true, false);
	assert_matches("height != 7", false, false);
}
END_TEST

START_TEST(values_have_names)
{
	assert_matches("shelf == Upper", true, false);
	assert_matches("shelf != Upper && flags.red", false, true);
	assert_matches("(shelf == Lower) == 1", false, true);
	assert_matches("shelf == 2", true, false);
	assert_matches("shelf > 1", true, false);
	assert_matches("shelf == Lower || height == 7", true, true);
}
END_TEST

static void refused(const char *text, const char *with)
{
	ck_assert_int_eq(expression_compile(text, &guest, NULL, &expression, &err), -EINVAL);
	ck_assert_str_eq(err.text, with);
}

START_TEST(misspelled_ones_are_guessed)
{
	refused("flags.wett",
		"column 1: what is \"flags.wett\"; did you mean 'flags.wet'? There are "
		"flags.wet, red");
	refused("1 && flags.gone", "column 6: what is \"flags.gone\"? There are flags.wet, red");
	refused("hight > 2",
		"column 1: what is \"hight\"; did you mean 'height'? There are "
		"flags.NAME, height, shelf, and of all guests type, state, broken, free, "
		"resident, pfn and addr");
	refused("shelf == upper", "column 10: \"upper\" is no shelf; there are Lower, Upper");
	refused("shelf > Upper",
		"column 9: what is \"Upper\"? There are flags.NAME, height, shelf, "
		"and of all guests type, state, broken, free, resident, pfn and addr");
	refused("height == Upper",
		"column 11: what is \"Upper\"? There are flags.NAME, height, "
		"shelf, and of all guests type, state, broken, free, resident, pfn "
		"and addr");
	refused("shelf == Upper & 1", "column 16: both sides of & are numbers; to combine "
				      "comparisons write &&");
}
END_TEST

Suite *property_suite(void)
{
	Suite *suite = suite_create("property");
	TCase *tc = tcase_create("property");

	tcase_add_test(tc, they_are_numbers);
	tcase_add_test(tc, values_have_names);
	tcase_add_test(tc, misspelled_ones_are_guessed);
	suite_add_tcase(suite, tc);
	return suite;
}
