/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of rows in vmm/view/top/: what is compared with what, which are listed and in which order, how a line is cut, and what
 * keys do to them. The guest's kind says what the test wants.
 */
#include "unit/suites.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kind/kind.h"
#include "view/top/top_keys.h"
#include "view/top/top_row_text.h"

#define ROWS_MAX 8

struct scripted {
	const char *group, *name; /* both NULL: no more rows; name NULL: not known */
	uint64_t identity, bytes;
};

static const struct breakdown_column columns[] = {{"bytes", "MiB", BREAKDOWN_BYTES},
						  {"pages", "pages", BREAKDOWN_NUMBER},
						  {"pid", "pid", BREAKDOWN_ID}};
static struct scripted script[ROWS_MAX];
static unsigned script_count, extra_rows;
static int script_result;
static struct memory_budget budget;
static struct kind kind;
static struct guest guest;
static struct top_rows_base base;
static struct top_rows_request request;
static struct top_sample before, sample;
static struct top_model model;
static struct top_state state;

static int add_row(struct breakdown *to, const struct scripted *from, struct error *err)
{
	struct breakdown_row *row = breakdown_add(to, err);

	if (!row)
		return -E2BIG;
	row->identity[0] = row->key = row->figures[2] = from->identity;
	row->figures[0] = from->bytes;
	row->figures[1] = from->bytes / PAGE_SIZE;
	if (from->group)
		snprintf(row->group, sizeof(row->group), "%s", from->group);
	return from->name ? breakdown_name(to, row, from->name, err) : 0;
}

static int tell(const struct guest *asked, enum breakdown_by by, uint64_t limit,
		struct breakdown *breakdown, struct error *err)
{
	(void)asked;
	(void)by;
	breakdown->budget = &budget;
	breakdown->columns = columns;
	breakdown->column_count = 3;
	for (unsigned i = 0; i < script_count; i++)
		if (add_row(breakdown, &script[i], err) < 0)
			return -E2BIG;
	for (unsigned i = 0; i < extra_rows; i++)
		if (add_row(breakdown, &(struct scripted){NULL, "extra", 1000 + i, 2 * PAGE_SIZE},
			    err) < 0)
			return -E2BIG;
	breakdown_finish(breakdown, limit);
	return script_result < 0 ? error_set(err, script_result, "it is not to be had") : 0;
}

static void setup(void)
{
	memset(&model, 0, sizeof(model));
	memset(&state, 0, sizeof(state));
	memset(&sample, 0, sizeof(sample));
	memset(&before, 0, sizeof(before));
	budget = (struct memory_budget){.limit = 64 << 20};
	kind = (struct kind){.name = "scripted", .breakdown = tell};
	guest = (struct guest){.kind = &kind};
	sample.guest = guest;
	request = (struct top_rows_request){.is_asked = true, .by = BREAKDOWN_FILE};
	script_count = extra_rows = 0;
	script_result = 0;
}

static void teardown(void)
{
	top_rows_free(&sample.rows);
	top_rows_forget(&base);
	ck_assert_uint_eq(budget.used, 0);
}

static void say(const struct scripted *rows, unsigned count)
{
	memcpy(script, rows, count * sizeof(*rows));
	script_count = count;
}

static void look(void)
{
	top_rows_free(&sample.rows);
	top_rows_take(&guest, &request, &base, &sample.rows);
	top_model_update(&model, &before, &sample, state.sort);
	state.row_count = model.row_count;
}

static const struct breakdown_row *row(unsigned place)
{
	ck_assert_uint_lt(place, model.row_count);
	return &sample.rows.table.rows[model.rows[place]];
}

static void assert_row(unsigned place, const char *name, int64_t growth, bool is_new)
{
	const struct top_growth *grown = &sample.rows.growth[model.rows[place]];

	ck_assert_pstr_eq(row(place)->name, name);
	ck_assert_int_eq(grown->bytes, growth);
	ck_assert_int_eq(grown->is_new, is_new);
}

static const struct scripted first[] = {
	{"ext4", "/a", 1, 9 << 20}, {"tmpfs", "/b", 2, 4 << 20}, {"tmpfs", "/gone", 3, 2 << 20}};
static const struct scripted second[] = {{"ext4", "/a", 1, 8 << 20},
					 {"tmpfs", "/renamed", 2, 7 << 20},
					 {NULL, NULL, 0, 1 << 20},
					 {"ext4", "/new", 4, 3 << 20}};

START_TEST(rows_are_compared_with_those_of_the_look_before)
{
	say(first, 3);
	look();
	ck_assert(sample.rows.is_known && sample.rows.compared_ns == 0);
	assert_row(0, "/a", 0, false);
	say(second, 4);
	look();
	ck_assert_uint_gt(sample.rows.compared_ns, 0);
	ck_assert_uint_eq(model.row_count, 4);
	assert_row(0, "/a", -(1 << 20), false);
	assert_row(1, "/renamed", 3 << 20, false);
	assert_row(2, "/new", 3 << 20, true);
	assert_row(3, NULL, 1 << 20, true);
	ck_assert_int_eq(sample.rows.growth_bytes, (8 + 7 + 1 + 3 - 9 - 4 - 2) * (1 << 20));
	look();
	assert_row(0, "/a", 0, false);
	assert_row(2, "/new", 0, false);
}
END_TEST

START_TEST(a_base_that_is_kept_stays)
{
	say(first, 3);
	look();
	request.keeps_base = true;
	say(second, 4);
	look();
	look();
	assert_row(1, "/renamed", 3 << 20, false);
	request.keeps_base = false;
	look();
	look();
	assert_row(1, "/renamed", 0, false);
}
END_TEST

START_TEST(another_breakdown_or_another_life_is_not_compared)
{
	say(first, 3);
	look();
	request.by = BREAKDOWN_CACHE;
	look();
	ck_assert_uint_eq(sample.rows.compared_ns, 0);
	assert_row(0, "/a", 0, false);
	top_rows_forget(&base);
	say(second, 4);
	look();
	ck_assert_uint_eq(sample.rows.compared_ns, 0);
	assert_row(1, "/renamed", 0, false);
	request.is_asked = false;
	look();
	ck_assert(!sample.rows.is_known && !base.is_there && model.row_count == 0);
}
END_TEST

START_TEST(what_cannot_be_had_is_said_and_what_follows_is_compared_with_nothing)
{
	say(first, 3);
	look();
	script_result = -ENODATA;
	look();
	ck_assert(!sample.rows.is_known && model.row_count == 0);
	ck_assert_str_eq(sample.rows.problem.text, "it is not to be had");
	script_result = 0;
	look();
	ck_assert(sample.rows.is_known && sample.rows.compared_ns == 0);
	budget.limit = 1000;
	look();
	ck_assert(!sample.rows.is_known);
	ck_assert_ptr_nonnull(strstr(sample.rows.problem.text, "--memory-budget"));
	budget.limit = 64 << 20;
	kind.breakdown = NULL;
	look();
	ck_assert_ptr_nonnull(strstr(sample.rows.problem.text, "all have --by class"));
}
END_TEST

START_TEST(of_too_many_rows_the_large_ones_and_the_changed_ones_stay)
{
	static const struct scripted small[] = {{NULL, "shrinks", 1, 3 * PAGE_SIZE}},
				     smaller[] = {{NULL, "shrinks", 1, 0}};

	extra_rows = TOP_ROWS_MAX;
	say(small, 1);
	look();
	ck_assert_uint_eq(model.row_count, TOP_ROWS_MAX);
	ck_assert_uint_eq(sample.rows.table.other_count, 1);
	ck_assert_uint_eq(sample.rows.table.others[0], 2 * PAGE_SIZE);
	say(smaller, 1);
	state.sort = TOP_BY_CHANGE;
	look();
	assert_row(0, "shrinks", -3 * (int64_t)PAGE_SIZE, false);
	ck_assert_uint_eq(sample.rows.table.sums[0], TOP_ROWS_MAX * UINT64_C(2) * PAGE_SIZE);
}
END_TEST

START_TEST(rows_are_sorted_by_size_name_and_change)
{
	say(first, 3);
	look();
	say(second, 4);
	look();
	ck_assert_str_eq(row(0)->name, "/a");
	top_model_sort(&model, TOP_BY_NAME);
	ck_assert_ptr_null(row(0)->name); /* without a group */
	ck_assert_str_eq(row(1)->name, "/a");
	ck_assert_str_eq(row(2)->name, "/new");
	ck_assert_str_eq(row(3)->name, "/renamed");
	top_model_sort(&model, TOP_BY_CHANGE);
	ck_assert_str_eq(row(0)->name, "/renamed"); /* as much as /new, and larger */
	ck_assert_str_eq(row(1)->name, "/new");
	ck_assert_ptr_null(row(2)->name); /* what grew before what shrank */
	ck_assert_str_eq(row(3)->name, "/a");
}
END_TEST

START_TEST(a_filter_is_a_part_a_pattern_or_a_name)
{
	static const struct {
		const char *filter;
		bool matches;
	} rows[] = {
		{"", true},
		{"log", true},
		{"ext4", true},
		{"ext4 /var", true},
		{"LOG", false},
		{"/var/*", true},
		{"*.log", false},
		{"ext4 /*/journal", false},
		{"ext4*", true},
		{"/v?r/log/*", true},
		{"[x]*", false},
		{"\"/var/log/journal\"", false},
		{"\"/var/*\"", true},
		{"\"ext4*\"", false},
		{"\"/var/log/journal.old", true},
		{"\"", false},
		{"unknown", false},
	};
	char name[] = "/var/log/journal.old";
	struct breakdown_row one = {.name = name, .group = "ext4"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(top_row_matches(&one, rows[i].filter) == rows[i].matches, "%s",
			      rows[i].filter);
	one = (struct breakdown_row){0};
	ck_assert(top_row_matches(&one, "unknown") && !top_row_matches(&one, "ext4"));
	say(first, 3);
	look();
	top_model_filter_rows(&model, "tmpfs", TOP_BY_COUNT);
	ck_assert_uint_eq(model.row_count, 2);
	ck_assert_uint_eq(model.row_sums[0], 6 << 20);
	look();
	ck_assert_uint_eq(model.row_count, 2);
	top_model_filter_rows(&model, "", TOP_BY_COUNT);
	ck_assert_uint_eq(model.row_count, 3);
}
END_TEST

START_TEST(growth_fits_its_column)
{
	static const struct {
		double bytes;
		const char *text;
	} rows[] = {{0, ""},
		    {4096, "+4K"},
		    {-4096, "-4K"},
		    {100, "+0.1K"},
		    {999 * 1024., "+999K"},
		    {1023 * 1024., "+1.0M"},
		    {-1.5 * (1 << 20), "-1.5M"},
		    {3. * (1 << 30), "+3.0G"},
		    {-1e18, "-9999.0T"}};
	char text[TOP_GROWTH_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_str_eq(top_growth_text(text, rows[i].bytes), rows[i].text);
		ck_assert_uint_le(strlen(text), 8);
	}
}
END_TEST

START_TEST(a_line_is_as_wide_as_there_is_room)
{
	static const struct scripted long_name[] = {
		{"ext4", "/a/very/long/name/of/which/the/end/says/more", 1, 300 << 20}};
	char line[TOP_ROW_LINE];
	struct top_row_layout layout;

	say(long_name, 1);
	look();
	for (unsigned width = 40; width < 200; width++) {
		layout = top_row_layout(&model, width);
		ck_assert_uint_le(strlen(top_row_line(&model, &layout, 0, line)), width);
		ck_assert_ptr_nonnull(strstr(line, "300.0"));
		ck_assert_ptr_nonnull(strstr(line, "more"));
	}
	ck_assert(layout.has_growth && layout.has_rate && layout.column_count == 3);
	layout = top_row_layout(&model, 40);
	ck_assert(layout.has_growth && !layout.has_rate && layout.column_count == 2);
	ck_assert_str_eq(top_row_heading(&model, &layout, line), "   MiB   change  pages  file");
	ck_assert_str_eq(top_row_sums(&model, &layout, line), " 300.0           76800  in all");
}
END_TEST

static enum top_action press(int key)
{
	enum top_action action = top_key(&state, key, &sample);

	return action;
}

START_TEST(b_goes_through_what_the_kind_has)
{
	static const enum breakdown_by order[] = {
		BREAKDOWN_FILE, BREAKDOWN_PROCESS,   BREAKDOWN_CACHE,       BREAKDOWN_CLASS,
		BREAKDOWN_ZONE, BREAKDOWN_PAGEBLOCK, BREAKDOWN_MIGRATETYPE,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ck_assert_int_eq(press('b'), TOP_ASK);
		ck_assert(state.request.table.is_asked);
		ck_assert_int_eq(state.request.table.by, order[i]);
	}
	press('b');
	ck_assert(!state.request.table.is_asked);
	press('B');
	ck_assert_int_eq(state.request.table.by, BREAKDOWN_MIGRATETYPE);
	strcpy(state.row_filter, "x");
	state.first_row = 3;
	press('B');
	ck_assert_int_eq(state.request.table.by, BREAKDOWN_PAGEBLOCK);
	ck_assert(state.first_row == 0 && state.row_filter[0] == '\0');
	ck_assert_int_eq(press('t'), TOP_ASK);
	ck_assert(!state.request.table.is_asked);
	ck_assert_int_eq(press('='), TOP_DRAW);
	kind.breakdown = NULL;
	press('b');
	ck_assert_int_eq(state.request.table.by, BREAKDOWN_CLASS);
	press('=');
	ck_assert(state.request.table.keeps_base);
	press('b');
	ck_assert(!state.request.table.is_asked && !state.request.table.keeps_base);
}
END_TEST

START_TEST(rows_scroll_within_what_there_is)
{
	press('b');
	state.page = 10;
	state.row_count = 35;
	press(KEY_UP);
	ck_assert_uint_eq(state.first_row, 0);
	press(KEY_DOWN);
	press(KEY_NPAGE);
	ck_assert_uint_eq(state.first_row, 11);
	press(KEY_END);
	ck_assert_uint_eq(state.first_row, 25);
	press(KEY_NPAGE);
	ck_assert_uint_eq(state.first_row, 25);
	press(KEY_PPAGE);
	ck_assert_uint_eq(state.first_row, 15);
	state.row_count = 12;
	top_clamp_rows(&state);
	ck_assert_uint_eq(state.first_row, 2);
	press(KEY_HOME);
	ck_assert_uint_eq(state.first_row, 0);
	state.row_count = 0;
	press(KEY_END);
	ck_assert_uint_eq(state.first_row, 0);
}
END_TEST

START_TEST(the_prompt_filters_rows_where_they_are_shown)
{
	press('b');
	press('/');
	for (int i = 0; i < 2 * TOP_ROW_FILTER_MAX; i++)
		press('a');
	ck_assert_int_eq(press('\n'), TOP_SORT);
	ck_assert_uint_eq(strlen(state.row_filter), TOP_ROW_FILTER_MAX);
	ck_assert_str_eq(state.request.filter, "");
	press('/');
	ck_assert_str_eq(state.typed, state.row_filter);
	press(27);
	press('t');
	press('/');
	ck_assert_str_eq(state.typed, "");
}
END_TEST

Suite *top_rows_suite(void)
{
	Suite *suite = suite_create("top_rows");
	TCase *rows = tcase_create("rows"), *keys = tcase_create("keys");

	tcase_add_checked_fixture(rows, setup, teardown);
	tcase_add_test(rows, rows_are_compared_with_those_of_the_look_before);
	tcase_add_test(rows, a_base_that_is_kept_stays);
	tcase_add_test(rows, another_breakdown_or_another_life_is_not_compared);
	tcase_add_test(rows, what_cannot_be_had_is_said_and_what_follows_is_compared_with_nothing);
	tcase_add_test(rows, of_too_many_rows_the_large_ones_and_the_changed_ones_stay);
	tcase_add_test(rows, rows_are_sorted_by_size_name_and_change);
	tcase_add_test(rows, a_filter_is_a_part_a_pattern_or_a_name);
	tcase_add_test(rows, growth_fits_its_column);
	tcase_add_test(rows, a_line_is_as_wide_as_there_is_room);
	suite_add_tcase(suite, rows);
	tcase_add_checked_fixture(keys, setup, teardown);
	tcase_add_test(keys, b_goes_through_what_the_kind_has);
	tcase_add_test(keys, rows_scroll_within_what_there_is);
	tcase_add_test(keys, the_prompt_filters_rows_where_they_are_shown);
	suite_add_tcase(suite, keys);
	return suite;
}
