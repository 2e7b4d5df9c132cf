/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/property.h: the names that one kind of guest adds to expressions, over a kind that exists only here. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "inspect/find/expression.h"
#include "kind/breakdown.h"
#include "kind/guest.h"
#include "kind/property.h"

enum { FLAG_WET, FLAG_RED, FLAG_GONE, HEIGHT, SHELF, OWNER, READER, COUNT };

static const char *const names[COUNT] = {"flags.wet", "flags.red", "flags.gone", "height",
					 "shelf",     "owner",     "reader"};
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

static bool breakdown_of(unsigned property, enum breakdown_by *by)
{
	*by = BREAKDOWN_CACHE;
	return property == OWNER;
}

#define MANY 2000

static enum { SOME_NAMES, NO_NAMES, MANY_NAMES, NO_ANSWER } owners;

static int add_owner(struct breakdown *to, uint64_t key, const char *name)
{
	struct error ignored;
	struct breakdown_row *row = breakdown_add(to, &ignored);

	ck_assert_ptr_nonnull(row);
	row->key = key;
	if (key == 9)
		strcpy(row->group, "farm");
	return name ? breakdown_name(to, row, name, &ignored) : 0;
}

/* Rows are in no order of keys. Two have one name. */
static int break_down(const struct guest *guest, enum breakdown_by by, uint64_t limit,
		      struct breakdown *to, struct error *error)
{
	static const struct breakdown_column column = {"bytes", "MiB", BREAKDOWN_BYTES};

	(void)guest;
	ck_assert_int_eq(by, BREAKDOWN_CACHE);
	ck_assert_uint_eq(limit, UINT64_MAX);
	to->columns = &column;
	to->column_count = 1;
	if (owners == NO_ANSWER)
		return error_set(error, -ENODATA, "nobody knows");
	add_owner(to, 0, NULL);
	for (uint64_t i = 0; owners == MANY_NAMES && i < MANY; i++)
		add_owner(to, i + 1, "many");
	if (owners == SOME_NAMES) {
		add_owner(to, 13, "cat");
		add_owner(to, 12, "/house/dog & co");
		add_owner(to, 11, "cat");
		add_owner(to, 9, "cow");
	}
	return 0;
}

static bool has_owners(unsigned property)
{
	return property == READER;
}

/* Reader 5 and whoever is called "ann" have the first book; nobody knows what "bob" has. */
static int frames_of(const struct guest *guest, unsigned property,
		     const struct property_owner *owner, struct frame_set *frames,
		     struct error *error)
{
	(void)guest;
	ck_assert_int_eq(property, READER);
	if (owner->pattern && strcmp(owner->pattern, "bob") == 0)
		return error_set(error, -ENODATA, "nobody knows");
	if (owner->pattern ? strcmp(owner->pattern, "ann") == 0 : owner->number == 5)
		frame_set_add(frames, 100, 1);
	return 0;
}

static const struct property_ops ops = {.count = COUNT,
					.has_owners = has_owners,
					.frames = frames_of,
					.name = name_of,
					.value_name = value_name,
					.breakdown = breakdown_of,
					.read = read_property};
static const struct frame_state states[] = {{.name = "free", .tone = TONE_FREE}};
static const struct kind kind = {.name = "shelves",
				 .record_size = 8,
				 .state_count = 1,
				 .states = states,
				 .breakdown = break_down,
				 .properties = &ops};
static const struct guest guest = {.kind = &kind, .frame_count = 103};
static const uint8_t records[3][8] = {
	{1, 0, 1, 7, 2, 11}, {0, 1, 1, 0xff, 0, 12}, {0, 0, 0, 0, 0, 0xff}};
static struct expression expression;
static struct error err;

static bool matches(const char *text, unsigned at, bool has_neighbours)
{
	static const struct frame frame = {.type = FRAME_TYPE_NONE};
	const struct frame_records all = {records, pfn(100), 3, NULL};
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

START_TEST(values_have_names_by_a_breakdown)
{
	owners = SOME_NAMES;
	assert_matches("owner == \"cat\"", true, false);
	assert_matches("owner != \"cat\"", false, true);
	assert_matches("owner == \"c*\" && flags.wet", true, false);
	assert_matches("owner == \"/house/*\"", false, true);
	assert_matches("(owner==\"cat\") + (owner == \"c?t\") == 2", true, false);
	assert_matches("!(owner == \"/house/dog & co\")", true, false);
	assert_matches("owner == \"*\"", true, true);
	assert_matches("owner == \"none\" || owner == \"\"", false, false);
	assert_matches("owner != \"none\"", true, true);
	assert_matches("owner == 11", true, false);
	/* As a table lists it, or without its group. */
	ck_assert_int_eq(
		expression_compile("owner == \"cow\" || owner == \"farm cow\" || owner == \"f*\"",
				   &guest, NULL, &expression, &err),
		0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(expression.sets[i].count, 1);
	ck_assert_uint_eq(expression.unnamed_column, 0);
	expression_end(&expression);
	ck_assert_int_eq(expression_compile("owner == \"cat\" || owner == \"farm cat\"", &guest,
					    NULL, &expression, &err),
			 0);
	ck_assert_uint_eq(expression.unnamed_column, 28);
	expression_end(&expression);
	/* One that is not known is neither. */
	ck_assert(!matches("owner == \"*\"", 2, true));
	ck_assert(!matches("owner != \"*\"", 2, true));
	ck_assert(!matches("owner != \"none\"", 2, true));
}
END_TEST

START_TEST(texts_that_cannot_be_are_refused)
{
	char text[EXPRESSION_LENGTH_MAX] = "owner == \"cat\"";

	owners = SOME_NAMES;
	refused("owner == cat", "column 10: a name belongs in double quotes here: \"cat\"");
	refused("owner == \"cat", "column 10: the text that starts here has no end");
	refused("owner == \"cat\n\"", "column 10: the text that starts here has no end");
	refused("owner > \"cat\"", "column 9: a name, a number or a ( is needed here, not \"cat\"");
	refused("owner + 1 == \"cat\"",
		"column 14: a name, a number or a ( is needed here, not \"cat\"");
	refused("1 + owner == \"cat\"",
		"column 14: a name, a number or a ( is needed here, not \"cat\"");
	refused("\"cat\"", "column 1: a name, a number or a ( is needed here, not \"cat\"");
	refused("owner == \"cat\" & 1",
		"column 16: both sides of & are numbers; to combine comparisons write &&");
	for (unsigned i = 0; i < EXPRESSION_SETS_MAX; i++)
		strcat(text, "||owner==\"cat\"");
	refused(text, "column 234: at most 16 texts are possible");
	owners = NO_ANSWER;
	refused("owner == \"cat\"", "column 10: nobody knows");
	owners = NO_NAMES;
	refused("owner == \"cat\"", "column 10: what has names is not in this memory");
	owners = MANY_NAMES;
	refused("owner == \"m*\"", "column 10: more than 1024 names match; write a narrower one");
}
END_TEST

/* Whether frame 100, or the next one, matches; the record is not needed. */
static bool is_owned(const char *text, uint64_t at)
{
	static const struct frame frame = {.type = FRAME_TYPE_NONE};
	const struct expression_frame subject = {.pfn = pfn(at), .frame = &frame};

	ck_assert_msg(expression_compile(text, &guest, NULL, &expression, &err) == 0, "%s",
		      err.text);
	ck_assert_int_lt(expression.detail, DETAIL_RECORD);
	const bool result = expression_matches(&expression, &subject);

	expression_end(&expression);
	return result;
}

START_TEST(frames_may_have_several_owners)
{
	static const char *const of_first[] = {
		"reader == \"ann\"",     "reader == 5",
		"reader == 0x5",         "reader == \"ann\" && reader == 5",
		"!(reader == \"cat\")",  "reader == \"cat\" || reader == 5",
		"(reader == 5) + 1 == 2"};

	for (size_t i = 0; i < sizeof(of_first) / sizeof(of_first[0]); i++)
		ck_assert_msg(is_owned(of_first[i], 100), "%s", of_first[i]);
	ck_assert(!is_owned("reader == 5", 101) && !is_owned("reader == 6", 100));
	ck_assert(!is_owned("reader != 5", 100) && is_owned("reader != 5", 101));
	ck_assert(is_owned("reader != \"cat\"", 100));
	/* Behind the last frame. */
	ck_assert(!is_owned("reader == 5", 103) && is_owned("reader != 5", UINT64_MAX));
}
END_TEST

START_TEST(owners_that_cannot_be_are_refused)
{
	char text[EXPRESSION_LENGTH_MAX] = "reader == 5";

	refused("reader", "column 7: reader is compared with a name or a number: == or != is "
			  "needed here");
	refused("reader > 5", "column 8: reader is compared with a name or a number: == or != is "
			      "needed here");
	refused("reader == ann",
		"column 11: a name in double quotes or a number belongs here, not \"ann\"");
	refused("reader ==",
		"column 10: a name in double quotes or a number belongs here, not the end");
	refused("!reader == 5", "column 2: reader belongs on the left of == or !=; parentheses "
				"around the comparison may be missing");
	refused("reader == 5 & 1",
		"column 13: both sides of & are numbers; to combine comparisons write &&");
	refused("reader == 5 + 1", "column 13: an operator or the end is needed here, not \"+\"");
	refused("reader == 5 && reader == \"bob\"", "column 26: nobody knows");
	for (unsigned i = 0; i < EXPRESSION_OWNERS_MAX; i++)
		strcat(text, "||reader==5");
	refused(text, "column 99: at most 8 such comparisons are possible");
}
END_TEST

START_TEST(misspelled_ones_are_guessed)
{
	refused("flags.wett",
		"column 1: what is \"flags.wett\"; did you mean 'flags.wet'? There are "
		"flags.wet, red");
	refused("1 && flags.gone", "column 6: what is \"flags.gone\"? There are flags.wet, red");
	refused("hight > 2",
		"column 1: what is \"hight\"; did you mean 'height'? There are "
		"flags.NAME, height, shelf, owner, reader, and of all guests type, state, broken, free, "
		"resident, pfn and addr");
	refused("shelf == upper", "column 10: \"upper\" is no shelf; there are Lower, Upper");
	refused("shelf > Upper",
		"column 9: what is \"Upper\"? There are flags.NAME, height, shelf, "
		"owner, reader, and of all guests type, state, broken, free, resident, pfn and addr");
	refused("height == Upper",
		"column 11: what is \"Upper\"? There are flags.NAME, height, "
		"shelf, owner, reader, and of all guests type, state, broken, free, resident, pfn "
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
	tcase_add_test(tc, values_have_names_by_a_breakdown);
	tcase_add_test(tc, texts_that_cannot_be_are_refused);
	tcase_add_test(tc, frames_may_have_several_owners);
	tcase_add_test(tc, owners_that_cannot_be_are_refused);
	tcase_add_test(tc, misspelled_ones_are_guessed);
	suite_add_tcase(suite, tc);
	return suite;
}
