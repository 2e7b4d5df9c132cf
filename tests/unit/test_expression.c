/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/inspect/find/expression.h: what expressions mean, what is refused and where, and random expressions
 * compared with an evaluator that walks the tree they were printed from.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/slot.h>

#include "inspect/find/expression.h"
#include "kind/pagevisor/classify.h"
#include "unit/crafted_guest.h"
#include "unit/expression_tree.h"

enum { ANON, PAGE_TABLE, SLAB, TYPE_COUNT };

static struct guest *guest;
static const struct guest_view view = {
	.type_count = TYPE_COUNT,
	.types = {{.name = "anon"}, {.name = "page_table"}, {.name = "slab"}},
};

/* A page table has a level and an owner, a slab an owner and the address of its first free object. */
static const struct {
	const char *name;
	unsigned type;
	unsigned word;
	bool is_signed;
} fields[] = {
	{"level", PAGE_TABLE, 0, false},      {"owner.pid", PAGE_TABLE, 1, true},
	{"owner.pid", SLAB, 3, true},         {"free", SLAB, 1, false},
	{"unreadable", PAGE_TABLE, 6, false},
};

static int resolve(void *own, unsigned type, const char *name)
{
	(void)own;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].type == type && strcmp(fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool read_field(void *own, int handle, const void *record, expression_number *value)
{
	const uint64_t *storage = ((const struct meta_slot *)record)->storage;
	unsigned word = fields[handle].word;

	(void)own;
	if (word == SLOT_STORAGE_WORDS)
		return false;
	*value = fields[handle].is_signed ? (expression_number)(int64_t)storage[word]
					  : (expression_number)storage[word];
	return true;
}

static const struct field_resolver resolver = {.resolve = resolve, .read = read_field};

/* A page table of level 2 with 3 references at 16 MiB; pid -1. */
static const struct meta_slot table_record = {.storage = {2, UINT64_MAX}};
static struct frame table_frame;
static const struct expression_frame table = {{0x1000}, &table_frame, &table_record, NULL, NULL};
/* A slab with a unique owner at 0; its list is at the top of the address space. */
static const struct meta_slot slab_record = {.storage = {0, UINT64_MAX, 0, 5}};
static struct frame slab_frame;
static const struct expression_frame slab = {{0}, &slab_frame, &slab_record, NULL, NULL};
static struct frame unused_frame, wild_frame, illegal_frame, host_frame;
static const struct expression_frame unused = {{1}, &unused_frame, NULL, NULL, NULL};
static const struct expression_frame wild = {{2}, &wild_frame, &slab_record, NULL, NULL};
static const struct expression_frame illegal = {{3}, &illegal_frame, NULL, NULL, NULL};
static const struct expression_frame host = {{4}, &host_frame, NULL, NULL, NULL};

static struct expression expression;
static struct error err;

static void setup(void)
{
	guest = crafted_guest(NULL, &view);
	table_frame = frame_of_state(slot_state(7, 3), PAGE_TABLE);
	slab_frame = frame_of_state(slot_state(0, REF_UNIQUE), SLAB);
	unused_frame = frame_of_state(UINT64_MAX, FRAME_TYPE_NONE);
	wild_frame = frame_of_state(slot_state(0, 1), FRAME_TYPE_WILD);
	illegal_frame = frame_of_state(slot_state(0, 0x80000000), FRAME_TYPE_NONE);
	host_frame = frame_of_state(slot_state(0, REF_HOST), FRAME_TYPE_NONE);
}

static bool eval(const char *text, const struct expression_frame *frame)
{
	err.text[0] = '\0';
	ck_assert_msg(expression_compile(text, guest, &resolver, &expression, &err) == 0, "%s: %s",
		      text, err.text);
	return expression_matches(&expression, frame);
}

static const struct {
	const char *text;
	const struct expression_frame *frame;
	bool matches;
} meanings[] = {
	{"type == page_table && ref > 1 && meta.level == 2", &table, true},
	{"type == page_table && ref > 3 && meta.level == 2", &table, false},
	/* names */
	{"type == slab", &table, false},
	{"type != slab", &table, true},
	{"type == slab", &slab, true},
	{"state == shared", &table, true},
	{"state == unique", &slab, true},
	{"state == unused", &unused, true},
	{"state != unused", &unused, false},
	{"state == host", &host, true},
	{"state == illegal", &illegal, true},
	{"state == busy", &illegal, false},
	{"free", &unused, true},
	{"free", &table, false},
	{"!free", &host, true},
	{"ref == 3", &table, true},
	{"ref == 1", &slab, true},
	{"ref == 0", &unused, true},
	{"ref == 0", &host, true},
	{"ref == 0x80000000", &illegal, true},
	{"gen == 7 && generation == 7", &table, true},
	{"pfn == 4096", &table, true},
	{"addr == 16M", &table, true},
	{"addr < 0x1000001", &table, true},
	{"addr == 0", &slab, true},
	/* numbers */
	{"4K == 4096 && 1M == 1024K && 1G == 1024M && 0x10K == 16384", &table, true},
	{"0xFf == 255 && 007 == 7", &table, true},
	{"18446744073709551615 == 0xffffffffffffffff", &table, true},
	{"0xffffffffffffffff + 1 > 0xffffffffffffffff", &table, true},
	{"0 - 0xffffffffffffffff - 0xffffffffffffffff < -0xffffffffffffffff", &table, true},
	{"(-1 & 0xff) == 255", &table, true},
	{"(-1 & 0xff) == 254", &table, false},
	{"broken", &illegal, true},
	{"broken", &wild, true},
	{"broken", &table, false},
	{"state == broken", &illegal, true},
	{"state == broken", &wild, false},
	{"state != broken", &table, true},
	{"type == wild", &wild, true},
	{"type == wild", &table, false},
	{"type != wild", &table, true},
	/* missing values */
	{"type == anon", &unused, false},
	{"type != anon", &unused, false},
	{"!(type == anon)", &unused, true},
	{"type != anon", &wild, true},
	{"type == slab", &wild, false},
	{"meta.level == 0", &slab, false},
	{"meta.level != 0", &slab, false},
	{"meta.level < 1 || meta.level >= 1", &slab, false},
	{"meta.level", &slab, false},
	{"!meta.level", &slab, false},
	{"!!meta.level", &slab, false},
	{"!(meta.level == 0)", &slab, true},
	{"meta.level + 1 == 1", &slab, false},
	{"-meta.level == 0", &slab, false},
	{"(meta.level & 0) == 0", &slab, false},
	{"meta.level == 2 || ref == 1", &slab, true},
	{"!(1 && meta.level)", &slab, true},
	{"meta.unreadable == meta.unreadable", &table, false},
	{"meta.level == 2", &unused, false},
	{"meta.free", &wild, false},
	/* fields */
	{"meta.level == 2", &table, true},
	{"meta.owner.pid == -1", &table, true},
	{"meta.owner.pid < 0", &table, true},
	{"meta.owner.pid == 5", &slab, true},
	{"meta.free == 0xffffffffffffffff", &slab, true},
	{"meta.free > 1G", &slab, true},
	{"meta.level - meta.level == meta.level + -2", &table, true},
	/* precedence */
	{"1 || 0 && 0", &table, true},
	{"(1 || 0) && 0", &table, false},
	{"0 && 0 || 1", &table, true},
	{"!0 && 1", &table, true},
	{"!(0 && 1)", &table, true},
	{"!1 == 0", &table, true},
	{"!(1 == 0) == 1", &table, true},
	{"(2 & 2) == 2", &table, true},
	{"1 + 2 < 4 - 0", &table, true},
	{"3 - 2 - 1 == 0", &table, true},
	{"3 - (2 - 1) == 2", &table, true},
	{"3 > 2 > 1", &table, false},
	{"3 > 2 == 1", &table, true},
	{"1 == 2 > 1", &table, true},
	{"0 == 1 != 1", &table, true},
	{"0 & 1 || 1", &table, true},
	{"1 && 2", &table, true},
	{"(1 && 2) == 1", &table, true},
	{"(0 || 2) == 1", &table, true},
	{"(2 || 0) == 1", &table, true},
	{"- - 2 == 2", &table, true},
	{"type==slab&&1", &table, false},
	{"type==page_table==1", &table, true},
	{"1==(type==page_table)", &table, true},
	{"  (((ref)))\t==\n3 ", &table, true},
	{"ref", &table, true},
	{"refs == 3 && references == 3", &table, true},
	{"ref", &unused, false},
};

START_TEST(an_expression_means_what_it_says)
{
	ck_assert_msg(eval(meanings[_i].text, meanings[_i].frame) == meanings[_i].matches,
		      "%s is not %d", meanings[_i].text, meanings[_i].matches);
}
END_TEST

static const struct {
	const char *text;
	unsigned column;
	const char *says;
} mistakes[] = {
	{"", 1, "a name, a number or a ( is needed here, not the end"},
	{"   ", 4, "not the end"},
	{"ref >", 6, "not the end"},
	{"ref > > 1", 7, "not \">\""},
	{"ref = 1", 5, "equal is =="},
	{"ref | 1", 5, "or is ||"},
	{"ref * 2", 5, "'*' is not an operator"},
	{"ref == \x1b", 8, "the byte 0x1b"},
	{"ref == \xc3\xa4", 8, "the byte 0xc3"},
	{"ref == 12x", 8, "\"12x\" is not a number"},
	{"ref == 0x", 8, "\"0x\" is not a number"},
	{"ref == 0xfg", 8, "\"0xfg\" is not a number"},
	{"ref == 1P", 8, "\"1P\" is not a number"},
	{"ref == 1KK", 8, "\"1KK\" is not a number"},
	{"ref == 1.5", 8, "\"1.5\" is not a number"},
	{"ref == 18446744073709551616", 8, "does not fit 64 bits"},
	{"ref == 17179869184G", 8, "does not fit 64 bits"},
	{"ref 1", 5, "an operator or the end is needed here, not \"1\""},
	{"(ref == 1", 10, "a ) for the ( at column 1"},
	{"ref == 1)", 9, "not \")\""},
	{"(ref == (1 + 2)", 16, "a ) for the ( at column 1"},
	{"()", 2, "not \")\""},
	{"type == page_tabel", 9,
	 "\"page_tabel\" is not a type of this guest; did you mean 'page_table'? its types are: anon "
	 "page_table slab wild"},
	{"type == zzzzzz", 9,
	 "\"zzzzzz\" is not a type of this guest; its types are: anon page_table slab wild"},
	{"type == ", 9, "the end is not a type"},
	{"type == 1", 9, "\"1\" is not a type"},
	{"type", 5, "== or != is needed"},
	{"type > slab", 6, "== or != is needed"},
	{"!type == slab", 2, "type belongs on the left"},
	{"slab == type", 1, "what is \"slab\"?"},
	{"ref + state == busy", 7, "state belongs on the left"},
	{"state == idle", 10, "the states are: unused busy shared unique host illegal broken"},
	{"state == shred", 10, "did you mean 'shared'? the states are: unused"},
	{"ref > 1 && refz == 2", 12,
	 "what is \"refz\"; did you mean 'ref'? There are type, state, broken, free, resident, ref, generation, pfn, addr "
	 "and meta.FIELD"},
	{"zzzzzz == 2", 1,
	 "what is \"zzzzzz\"? There are type, state, broken, free, resident, ref"},
	{"addr & 0x1fffff == 0", 6,
	 "comparisons bind more tightly than &; write (addr & 0x1fffff) == 0"},
	{"ref > 1 && addr & 0x1fffff == 0 && pfn > 2", 17, "write (addr & 0x1fffff) == 0"},
	{"addr & 1M & 7 <  (1 + 2)", 11, "write (addr & 1M & 7) <  (1 + 2)"},
	{"addr & \n0\t\n == 0", 6,
	 "comparisons bind more tightly than &; write (addr &  0)   == 0"},
	{"0 == addr & 7", 11, "write 0 == (addr & 7)"},
	{"ref == 1 & gen == 7", 10, "to combine comparisons write &&"},
	{"type == anon & ref", 14, "to combine comparisons write &&"},
	{"meta == 1", 1, "what is \"meta\"?"},
	{"meta. == 1", 1, "a field is meta.NAME"},
	{"meta.a. == 1", 1, "a field is meta.NAME"},
	{"meta.a..b == 1", 1, "a field is meta.NAME"},
	{"ref == 1 && meta.lebel == 1", 13, "no type of this guest has a field meta.lebel"},
	{"meta.lebel == $", 1, "meta.lebel"},
};

static void assert_refused(const char *text, unsigned column, const char *says)
{
	char prefix[32];

	err.text[0] = '\0';
	snprintf(prefix, sizeof(prefix), "column %u: ", column);
	ck_assert_msg(expression_compile(text, guest, &resolver, &expression, &err) == -EINVAL,
		      "%s is taken", text);
	ck_assert_msg(strncmp(err.text, prefix, strlen(prefix)) == 0 && strstr(err.text, says) &&
			      !strchr(err.text, '\n'),
		      "%s: %s", text, err.text);
}

START_TEST(a_mistake_is_shown)
{
	assert_refused(mistakes[_i].text, mistakes[_i].column, mistakes[_i].says);
}
END_TEST

START_TEST(without_a_resolver_there_are_no_fields)
{
	ck_assert_int_eq(expression_compile("ref > 1", guest, NULL, &expression, &err), 0);
	ck_assert_int_eq(expression_compile("1 && meta.level", guest, NULL, &expression, &err),
			 -EINVAL);
	ck_assert_str_eq(err.text, "column 6: meta.level: the fields of this guest's types are not "
				   "known");
}
END_TEST

START_TEST(a_resolver_that_knows_no_fields_says_why)
{
	struct field_resolver none = resolver;

	none.why = "they are a secret";
	ck_assert_int_eq(expression_compile("ref > 1", guest, &none, &expression, &err), 0);
	ck_assert_int_eq(expression_compile("1 && meta.level", guest, &none, &expression, &err),
			 -EINVAL);
	ck_assert_str_eq(err.text, "column 6: meta.level: the fields of this guest's types are not "
				   "known: they are a secret");
}
END_TEST

START_TEST(no_more_of_a_frame_is_asked_for_than_is_needed)
{
	eval("state == shared && ref > 1 && gen == 7 && pfn > 1 && addr > 1", &table);
	ck_assert_int_eq(expression.detail, DETAIL_STATE);
	eval("ref > 1 || type == anon", &table);
	ck_assert_int_eq(expression.detail, DETAIL_TYPE);
	eval("ref > 1 || meta.level", &table);
	ck_assert_int_eq(expression.detail, DETAIL_RECORD);
	eval("broken", &table);
	ck_assert_int_eq(expression.detail, DETAIL_TYPE);
	eval("state == broken", &table);
	ck_assert_int_eq(expression.detail, DETAIL_STATE);
	eval("meta.level || type == anon || ref > 1", &table);
	ck_assert_int_eq(expression.detail, DETAIL_RECORD);
}
END_TEST

/* An expression cannot ask for a state that every kind has, wherever the other states are placed. */
START_TEST(a_frame_that_could_not_be_read_is_in_no_state)
{
	static const struct frame unstable = {.state = FRAME_UNSTABLE, .type = FRAME_TYPE_NONE};
	const struct expression_frame at = {{5}, &unstable, NULL, NULL, NULL};

	ck_assert(!eval("state == unused || state == busy || state == shared || state == unique",
			&at));
	ck_assert(!eval("state == host || state == illegal", &at));
	assert_refused("state == unstable", 10, "the states are: unused busy");
}
END_TEST

START_TEST(what_a_kind_does_not_promise_is_refused)
{
	const struct kind *own = guest->kind;
	struct kind poorer = *own;

	poorer.name = "poorer";
	poorer.has_references = false;
	guest->kind = &poorer;
	assert_refused("gen == 7 || ref > 1", 13, "guests of the kind poorer have no ref");
	eval("gen == 7", &table);
	poorer.has_references = true;
	poorer.has_generations = false;
	assert_refused("gen == 7", 1, "guests of the kind poorer have no gen");
	assert_refused("1 && generation", 6, "guests of the kind poorer have no generation");
	eval("ref > 1", &table);
	guest->kind = own;
}
END_TEST

static char text[EXPRESSION_LENGTH_MAX + 64];

static const char *repeat(const char *before, unsigned count, const char *middle, const char *after)
{
	text[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		strcat(text, before);
	strcat(text, middle);
	for (unsigned i = 0; i < count; i++)
		strcat(text, after);
	return text;
}

START_TEST(depth_is_bounded)
{
	const unsigned max = EXPRESSION_DEPTH_MAX;

	ck_assert(eval(repeat("(", max, "1", ")"), &table));
	assert_refused(repeat("(", max + 1, "1", ")"), max + 1, "too deep");
	ck_assert(eval(repeat("!", max, "1", ""), &table));
	assert_refused(repeat("!", max + 1, "1", ""), max + 1, "too deep");
	assert_refused(repeat("-", EXPRESSION_LENGTH_MAX - 1, "1", ""), max + 1, "too deep");
	assert_refused(repeat("(", EXPRESSION_LENGTH_MAX, "", ""), max + 1, "too deep");
	/* Depth counts open parentheses, not those already closed. */
	ck_assert(eval(repeat("(1)&&", 100, "1", ""), &table));
}
END_TEST

START_TEST(the_stack_is_bounded)
{
	/*
	 * Each parenthesis holds one operand for each of three levels of precedence, for a comparison beside & has
	 * parentheses itself. So what is nested as deeply as it may be fits the stack.
	 */
	ck_assert_uint_lt(EXPRESSION_DEPTH_MAX * 3 + 3, EXPRESSION_STACK_MAX);
	ck_assert(eval(repeat("1==1<1+(", EXPRESSION_DEPTH_MAX, "1==1<1+1", ")"), &table) ==
		  eval(repeat("1==1<1+(", 2, "1==1<1+1", ")"), &table));
	repeat("1==1<1+(", EXPRESSION_DEPTH_MAX + 1, "1", ")");
	assert_refused(text, EXPRESSION_DEPTH_MAX * 8 + 8, "too deep");
}
END_TEST

START_TEST(length_is_bounded)
{
	memset(text, ' ', EXPRESSION_LENGTH_MAX + 1);
	text[EXPRESSION_LENGTH_MAX + 1] = '\0';
	text[0] = '1';
	assert_refused(text, EXPRESSION_LENGTH_MAX + 1, "at most 1024 characters");
	text[EXPRESSION_LENGTH_MAX] = '\0';
	ck_assert(eval(text, &table));
	assert_refused(repeat("1+", 300, "1", ""), 514, "too long");
	ck_assert(eval(repeat("1+", 255, "1", ""), &table));
}
END_TEST

START_TEST(fields_are_bounded_and_counted_once)
{
	ck_assert(eval(repeat("meta.level +", 50, "0", ""), &table));
	ck_assert_uint_eq(expression.field_count, 1);
	text[0] = '\0';
	memset(text, 'a', FIELD_NAME_MAX + 5);
	memcpy(text, "meta.", 5);
	text[FIELD_NAME_MAX + 5] = '\0';
	assert_refused(text, 1, "of up to 127 characters");
	text[FIELD_NAME_MAX + 4] = '\0';
	assert_refused(text, 1, "no type of this guest has");
}
END_TEST

static int resolve_any(void *own, unsigned type, const char *name)
{
	(void)own;
	(void)type;
	(void)name;
	return 0;
}

START_TEST(many_different_fields_are_refused)
{
	const struct field_resolver any = {.resolve = resolve_any, .read = read_field};

	text[0] = '\0';
	for (unsigned i = 0; i < EXPRESSION_FIELDS_MAX; i++)
		sprintf(text + strlen(text), "meta.f%02u||", i);
	size_t length = strlen(text);

	strcpy(text + length, "meta.f00");
	ck_assert_int_eq(expression_compile(text, guest, &any, &expression, &err), 0);
	strcpy(text + length, "meta.g");
	ck_assert_int_eq(expression_compile(text, guest, &any, &expression, &err), -EINVAL);
	ck_assert(strstr(err.text, "at most 16 different fields"));
}
END_TEST

START_TEST(random_expressions_agree_with_the_tree)
{
	unsigned matched = 0;

	expression_tree_seed(1);
	for (unsigned i = 0; i < 20000; i++) {
		char printed[EXPRESSION_TREE_TEXT];
		bool wanted = expression_tree_next(printed);

		if (strlen(printed) > EXPRESSION_LENGTH_MAX)
			continue;
		matched += wanted;
		ck_assert_msg(eval(printed, &table) == wanted, "%s is not %d", printed, wanted);
	}
	ck_assert_uint_gt(matched, 2000);
}
END_TEST

/* Pieces of expressions in random order: refused or accepted, within bounds. */
START_TEST(garbage_breaks_nothing)
{
	static const char *const words[] = {"type",  "state", "==",   "!=", "(",          ")",
					    "!",     "-",     "&&",   "||", "&",          "ref",
					    "meta.", "slab",  "busy", "12", "meta.level", "<"};
	unsigned taken = 0;

	expression_tree_seed(2);
	for (unsigned i = 0; i < 50000; i++) {
		unsigned count = expression_tree_random(12);

		text[0] = '\0';
		for (unsigned j = 0; j < count; j++) {
			strcat(text,
			       words[expression_tree_random(sizeof(words) / sizeof(words[0]))]);
			strcat(text, " ");
		}
		if (expression_compile(text, guest, &resolver, &expression, &err) < 0) {
			ck_assert(strncmp(err.text, "column ", 7) == 0);
			continue;
		}
		expression_matches(&expression, &table);
		taken++;
	}
	ck_assert_uint_gt(taken, 100);
}
END_TEST

Suite *expression_suite(void)
{
	Suite *suite = suite_create("expression");
	TCase *tcase = tcase_create("expression");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, an_expression_means_what_it_says, 0,
			    sizeof(meanings) / sizeof(meanings[0]));
	tcase_add_loop_test(tcase, a_mistake_is_shown, 0, sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(tcase, without_a_resolver_there_are_no_fields);
	tcase_add_test(tcase, a_resolver_that_knows_no_fields_says_why);
	tcase_add_test(tcase, no_more_of_a_frame_is_asked_for_than_is_needed);
	tcase_add_test(tcase, a_frame_that_could_not_be_read_is_in_no_state);
	tcase_add_test(tcase, what_a_kind_does_not_promise_is_refused);
	tcase_add_test(tcase, depth_is_bounded);
	tcase_add_test(tcase, the_stack_is_bounded);
	tcase_add_test(tcase, length_is_bounded);
	tcase_add_test(tcase, fields_are_bounded_and_counted_once);
	tcase_add_test(tcase, many_different_fields_are_refused);
	tcase_add_test(tcase, random_expressions_agree_with_the_tree);
	tcase_add_test(tcase, garbage_breaks_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
