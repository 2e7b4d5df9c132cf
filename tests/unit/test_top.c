/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/view/top/: what it gathers from a crafted array, what it computes from samples, what keys do. No
 * terminal.
 */
#include "unit/suites.h"

#include <curses.h>
#include <errno.h>
#include <string.h>

/* The sample assigns colours of its own. */
#undef COLOR_RED
#undef COLOR_BLUE

#include "btf/sample.h"
#include "kind/record_walk.h"
#include "kind/kind.h"
#include "memory/rcu.h"
#include "view/top/top_keys.h"
#include "unit/crafted_guest.h"
#include "unit/crafted_source.h"
#include "unit/slot_array.h"

#define SLOTS 10000

static struct slot_array array;
static struct top_sample before, now;
static struct top_model model;
static struct top_state state;

static void setup(void)
{
	memset(&before, 0, sizeof(before));
	memset(&now, 0, sizeof(now));
	memset(&model, 0, sizeof(model));
	memset(&state, 0, sizeof(state));
	state.request.interval_ns = TOP_INTERVAL_NS;
	const struct guest_view view = {
		.type_count = 3, .types = {{.name = "anon"}, {.name = "kernel"}, {.name = "slab"}}};

	before.guest = now.guest = *crafted_guest(&array.memory, &view);
	before.at_ns = 5 * NS_PER_S;
	now.at_ns = 7 * NS_PER_S;
}

static void add_counter(struct top_sample *sample, const char *key, unsigned use, uint64_t value)
{
	facts_add(&sample->counters, (struct fact){.key = key, .use = use, .value = value});
}

START_TEST(buckets_double)
{
	static const struct {
		uint32_t references;
		const char *name;
	} rows[] = {{1, "1"},      {2, "2"},      {3, "3-4"},   {4, "3-4"},           {5, "5-8"},
		    {8, "5-8"},    {9, "9-16"},   {16, "9-16"}, {17, "17-32"},        {32, "17-32"},
		    {33, "33-64"}, {64, "33-64"}, {65, "65+"},  {REF_MAX_HELD, "65+"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(top_bucket_name(top_bucket(rows[i].references)), rows[i].name);
}
END_TEST

static void count_work(struct top_sample *sample, uint64_t steps, uint64_t frees, uint64_t refusals)
{
	add_counter(sample, "steps", FACT_AS_RATE | FACT_IN_REPORT, steps);
	add_counter(sample, "gets", FACT_IN_REPORT, 3 * steps);
	add_counter(sample, "frees", FACT_AS_RATE, frees);
	add_counter(sample, "refusals", FACT_AS_RATE, refusals);
}

static void assert_rate(unsigned place, const char *key, double rate)
{
	ck_assert_str_eq(model.rates[place].fact->key, key);
	ck_assert_double_eq(model.rates[place].rate, rate);
}

START_TEST(rates_are_by_the_time_between_samples)
{
	count_work(&before, 1000, 501, 0);
	count_work(&now, 3000, 500, 1);
	top_model_update(&model, NULL, &before, TOP_BY_COUNT);
	ck_assert(model.rate_count == 0 && !model.has_changes);
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert_uint_eq(model.rate_count, 2); /* "frees" fell and has none */
	assert_rate(0, "steps", 1000);
	assert_rate(1, "refusals", 0.5);
	now.at_ns = before.at_ns;
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert_uint_eq(model.rate_count, 0);
}
END_TEST

START_TEST(no_rate_spans_two_boots)
{
	count_work(&before, 1000, 0, 0);
	count_work(&now, 3000, 0, 0);
	before.counts.tally.types[0] = now.counts.tally.types[0] = 3;
	now.boot = before.boot + 1;
	now.event = LIFE_RESTARTED;
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert(model.rate_count == 0 && !model.has_changes);
	ck_assert_int_eq(model.event, LIFE_RESTARTED);
	now.boot = before.boot;
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert_int_eq(model.event, LIFE_GOES_ON);
	ck_assert(model.rate_count > 0 && model.has_changes);
}
END_TEST

START_TEST(a_guest_that_does_not_count_has_no_rates)
{
	count_work(&now, 3000, 0, 0);
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert_uint_eq(model.rate_count, 0);
	top_model_update(&model, &now, &before, TOP_BY_COUNT);
	ck_assert_uint_eq(model.rate_count, 0);
}
END_TEST

START_TEST(retries_add_up_over_samples)
{
	before.counts.tally.reads = (struct read_counters){.retries = 3, .unstable = 1};
	now.counts.tally.reads = (struct read_counters){.retries = 4, .unstable = 2};
	top_model_update(&model, NULL, &before, TOP_BY_COUNT);
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert_uint_eq(model.retries, 7);
	ck_assert_uint_eq(model.unstable, 3);
}
END_TEST

static void assert_order(const char *first, const char *second, const char *third)
{
	ck_assert_uint_eq(model.type_count, 3);
	ck_assert_str_eq(model.types[0].name, first);
	ck_assert_str_eq(model.types[1].name, second);
	ck_assert_str_eq(model.types[2].name, third);
}

START_TEST(types_are_sorted_by_count_name_and_change)
{
	const uint64_t old[] = {10, 30, 200}, new[] = {20, 100, 100};

	memcpy(before.counts.tally.types, old, sizeof(old));
	memcpy(now.counts.tally.types, new, sizeof(new));
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	assert_order("kernel", "slab", "anon"); /* equal counts by name */
	ck_assert_int_eq(model.types[0].change, 70);
	ck_assert_int_eq(model.types[1].change, -100);
	ck_assert_int_eq(model.types[2].change, 10);
	top_model_sort(&model, TOP_BY_NAME);
	assert_order("anon", "kernel", "slab");
	top_model_sort(&model, TOP_BY_CHANGE);
	assert_order("slab", "kernel", "anon");
}
END_TEST

START_TEST(types_without_frames_show_once_when_they_have_gone)
{
	before.counts.tally.types[1] = 5;
	now.counts.tally.types[0] = now.counts.wild = 1;
	top_model_update(&model, &before, &now, TOP_BY_NAME);
	assert_order("(wild)", "anon", "kernel");
	ck_assert(model.types[0].type == FRAME_TYPE_WILD && model.types[1].type == 0);
	ck_assert_int_eq(model.types[2].change, -5);
	before = now;
	top_model_update(&model, &before, &now, TOP_BY_NAME);
	ck_assert_uint_eq(model.type_count, 2);
}
END_TEST

START_TEST(what_was_counted_otherwise_has_no_change)
{
	count_work(&before, 0, 0, 0);
	count_work(&now, 0, 0, 0);
	now.counts.tally.types[0] = 8;
	strcpy(now.filter, "ref > 1");
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert(!model.has_changes && model.rate_count > 0);
	ck_assert_int_eq(model.types[0].change, 0);
	now.filter[0] = '\0';
	strcpy(now.guest.types[2].name, "other");
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert(!model.has_changes);
	now.guest.type_count = 2;
	top_model_update(&model, &before, &now, TOP_BY_COUNT);
	ck_assert(!model.has_changes);
}
END_TEST

START_TEST(a_grid_has_as_many_cells_as_fit)
{
	static const uint64_t counts[] = {1, 100, 16384, 131072, 1000003, 16777216};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		for (unsigned columns = 8; columns < 250; columns += 13)
			for (unsigned rows = 1; rows < 70; rows += 7) {
				struct map_grid grid = top_map_grid(counts[i], columns, rows);

				ck_assert_uint_le(grid.columns, columns);
				ck_assert_uint_le(grid.rows, rows);
				ck_assert_uint_ge((uint64_t)grid.columns * grid.rows *
							  grid.frames_per_cell,
						  counts[i]);
			}
	ck_assert_uint_eq(top_map_grid(131072, 73, 18).columns, 64);
	ck_assert_uint_eq(top_map_grid(131072, 113, 44).frames_per_cell, 32);
}
END_TEST

START_TEST(cells_that_become_one_keep_what_is_broken)
{
	uint8_t cells[8] = {0, 0, 1, 1, 2, 0, 0, MAP_NO_CLASS};
	struct map_image map = {
		.frame_count = 14,
		.class_count = 3,
		.grid = {.columns = 4, .rows = 2, .frames_per_cell = 2},
		.classes = {{.name = "a"}, {.name = "b"}, {.name = "c", .is_broken = true}},
		.cells = cells,
	};

	ck_assert_uint_eq(top_map_merge(&map, 0, 1), 0);
	ck_assert_uint_eq(top_map_merge(&map, 2, 2), 1);
	ck_assert_uint_eq(top_map_merge(&map, 0, 4), 0);
	ck_assert_uint_eq(top_map_merge(&map, 4, 4), 2);
	ck_assert_uint_eq(top_map_merge(&map, 6, 2), 0);
	ck_assert_uint_eq(top_map_merge(&map, 7, 1), MAP_NO_CLASS);
	ck_assert_uint_eq(top_map_merge(&map, 8, 4), MAP_NO_CLASS);
	ck_assert_uint_eq(top_map_factor(&map, 7), 1);
	ck_assert_uint_eq(top_map_factor(&map, 6), 2);
	ck_assert_uint_eq(top_map_factor(&map, 1), 8);
}
END_TEST

static enum top_action press(const char *keys)
{
	enum top_action action = TOP_DRAW;

	for (; *keys; keys++)
		action = top_key(&state, *keys, &now);
	return action;
}

START_TEST(keys_sort_pause_and_colour)
{
	ck_assert_int_eq(press("s"), TOP_SORT);
	ck_assert_int_eq(state.sort, TOP_BY_NAME);
	press("ss");
	ck_assert_int_eq(state.sort, TOP_BY_COUNT);
	press("d");
	ck_assert_int_eq(state.sort, TOP_BY_CHANGE);
	ck_assert_int_eq(press("m"), TOP_ASK);
	ck_assert_int_eq(state.request.by, MAP_BY_STATE);
	press("mm");
	ck_assert_int_eq(state.request.by, MAP_BY_TYPE);
	ck_assert_int_eq(press("p"), TOP_ASK);
	ck_assert(state.request.is_paused);
	press("m");
	ck_assert_str_eq(state.message, "paused: p continues and shows it");
	press(" ");
	ck_assert(!state.request.is_paused && !state.message[0]);
	press("h");
	ck_assert(state.shows_help);
	ck_assert_int_eq(press("x"), TOP_DRAW);
	ck_assert_int_eq(press("q"), TOP_QUIT);
}
END_TEST

START_TEST(the_map_has_no_references_of_a_kind_without)
{
	struct kind kind = *now.guest.kind;

	kind.has_references = false;
	now.guest.kind = &kind;
	press("m");
	ck_assert_int_eq(state.request.by, MAP_BY_STATE);
	press("m");
	ck_assert_int_eq(state.request.by, MAP_BY_TYPE);
}
END_TEST

START_TEST(keys_change_the_interval_within_bounds)
{
	ck_assert_int_eq(press("+"), TOP_ASK);
	ck_assert_uint_eq(state.request.interval_ns, NS_PER_S / 2);
	ck_assert_int_eq(press("++++"), TOP_DRAW);
	ck_assert_uint_eq(state.request.interval_ns, NS_PER_S / 10);
	press("---------");
	ck_assert_uint_eq(state.request.interval_ns, 10 * NS_PER_S);
	state.request.interval_ns = 3 * NS_PER_S;
	press("-");
	ck_assert_uint_eq(state.request.interval_ns, 5 * NS_PER_S);
}
END_TEST

START_TEST(a_filter_is_taken_only_when_it_is_right)
{
	ck_assert_int_eq(press("/ref > 1\n"), TOP_ASK);
	ck_assert_str_eq(state.request.filter, "ref > 1");
	press("/ && type == anno\r"); /* edits the current filter */
	ck_assert(state.is_typing);
	ck_assert_ptr_nonnull(strstr(state.message, "column 20: \"anno\" is not a type"));
	ck_assert_str_eq(state.request.filter, "ref > 1");
	ck_assert_int_eq(press("\177\n"), TOP_DRAW); /* "ann" */
	ck_assert_int_eq(press("\bon\n"), TOP_ASK);
	ck_assert_str_eq(state.request.filter, "ref > 1 && type == anon");
	press("/");
	press("\025type == slab\n");
	ck_assert_str_eq(state.request.filter, "type == slab");
	press("/q\033");
	ck_assert(!state.is_typing);
	ck_assert_str_eq(state.request.filter, "type == slab");
	ck_assert_int_eq(press("/\025  \n"), TOP_ASK);
	ck_assert_str_eq(state.request.filter, "");
	top_key(&state, '/', NULL);
	top_key(&state, KEY_ENTER, NULL);
	ck_assert_str_eq(state.message, "no sample yet");
}
END_TEST

START_TEST(a_filter_has_an_end)
{
	press("/");
	for (int i = 0; i < 2 * EXPRESSION_LENGTH_MAX; i++)
		press("1");
	ck_assert_uint_eq(strlen(state.typed), EXPRESSION_LENGTH_MAX);
	top_key(&state, KEY_BACKSPACE, &now);
	ck_assert_uint_eq(strlen(state.typed), EXPRESSION_LENGTH_MAX - 1);
}
END_TEST

static void setup_array(void)
{
	setup();
	slot_array_create(&array, SLOTS);
	for (unsigned i = 0; i < 4; i++)
		slot_array_set(&array, i, i + 1, ARRAY_ANON);
	slot_array_set(&array, 4097, 65, ARRAY_TABLE);
	slot_array_set(&array, 4098, REF_UNIQUE, ARRAY_TABLE);
	slot_array_set(&array, 9998, REF_BUSY, ARRAY_ANON);
	slot_array_set(&array, 9999, 7, 9); /* of no type */
}

static void teardown_array(void)
{
	slot_array_destroy(&array);
}

/* Counts the array through its current view. */
static int count_until(const bool *stop)
{
	const struct guest *guest = crafted_guest(&array.memory, &array.view);

	now.guest = *guest;
	return top_sample_count(guest, stop, &now);
}

static void count(const char *filter)
{
	static const bool never = false;

	memset(&now, 0, sizeof(now));
	strcpy(now.filter, filter);
	ck_assert_int_eq(count_until(&never), 0);
}

START_TEST(a_pass_counts_states_types_and_references)
{
	count("");
	ck_assert_uint_eq(now.counts.matches, SLOTS);
	ck_assert_uint_eq(now.counts.tally.states[REF_CLASS_SHARED], 6);
	ck_assert_uint_eq(now.counts.tally.states[REF_CLASS_UNIQUE], 1);
	ck_assert_uint_eq(now.counts.tally.states[REF_CLASS_BUSY], 1);
	ck_assert_uint_eq(now.counts.tally.states[REF_CLASS_UNUSED], SLOTS - 8);
	ck_assert_uint_eq(now.counts.tally.types[ARRAY_ANON], 4);
	ck_assert_uint_eq(now.counts.tally.types[ARRAY_TABLE], 2);
	ck_assert_uint_eq(now.counts.wild, 1);
	ck_assert_uint_eq(now.counts.tally.references, 1 + 2 + 3 + 4 + 65 + 1 + 7);
	ck_assert_uint_eq(now.counts.buckets[0], 1);
	ck_assert_uint_eq(now.counts.buckets[2], 2);
	ck_assert_uint_eq(now.counts.buckets[3], 1);
	ck_assert_uint_eq(now.counts.buckets[7], 1);
	ck_assert_uint_eq(now.counts.tally.reads.slots, SLOTS);
	ck_assert_uint_eq(now.counts.tally.reads.copies, 7);
}
END_TEST

START_TEST(a_filter_counts_what_it_means)
{
	slot_array_set(&array, 50, REF_HOST, ARRAY_ANON);
	count("type == anon && ref >= 2");
	ck_assert_uint_eq(now.counts.matches, 3);
	ck_assert_uint_eq(now.counts.tally.states[REF_CLASS_HOST], 0);
	ck_assert_uint_eq(now.counts.host_frames, 1); /* they are not free, whatever the filter */
	ck_assert_uint_eq(now.counts.tally.types[ARRAY_ANON], 3);
	ck_assert_uint_eq(now.counts.tally.types[ARRAY_TABLE], 0);
	ck_assert_uint_eq(now.counts.buckets[0], 0);
	ck_assert_uint_eq(now.counts.wild, 0);
	count("state == busy");
	ck_assert_uint_eq(now.counts.matches, 1);
	ck_assert_uint_eq(now.counts.tally.states[REF_CLASS_BUSY], 1);
}
END_TEST

START_TEST(a_filter_knows_the_fields)
{
	static const bool never = false;
	struct numbers_meta meta = {.u16 = 5, .level = LEVEL_BELOW};

	strcpy(array.view.types[ARRAY_ANON].name, "numbers");
	array.view.types[ARRAY_ANON].size = sizeof(meta);
	memcpy(array.slots[2].storage, &meta, sizeof(meta));
	memset(&now, 0, sizeof(now));
	const struct guest *guest = crafted_guest(&array.memory, &array.view);

	now.catalog = type_catalog_new(guest, "");
	type_catalog_load(now.catalog, guest, sample_btf, (size_t)(sample_btf_end - sample_btf));
	strcpy(now.filter, "meta.u16 == 5 && meta.level < 0");
	ck_assert_int_eq(count_until(&never), 0);
	ck_assert_uint_eq(now.counts.matches, 1);
	ck_assert_uint_eq(now.counts.tally.types[ARRAY_ANON], 1);
	ck_assert_int_eq(press("/meta.u17 == 5\n"), TOP_DRAW);
	ck_assert_ptr_nonnull(strstr(state.message, "meta.u17"));
	ck_assert_int_eq(press("\b\b\b\b\b\b6 == 5\n"), TOP_ASK);
	ck_assert_str_eq(state.request.filter, "meta.u16 == 5");
	top_sample_clear(&now);
	ck_assert_ptr_null(now.catalog);
}
END_TEST

START_TEST(a_pass_ends_early_and_says_what_is_wrong)
{
	static const bool at_once = true, never = false;

	ck_assert_int_eq(count_until(&at_once), -ECANCELED);
	ck_assert_uint_lt(now.counts.tally.reads.slots, SLOTS);
	strcpy(now.filter, "type == none_such");
	ck_assert_int_eq(count_until(&never), -EINVAL);
	ck_assert_ptr_nonnull(strstr(now.problem.text, "none_such"));
	now.filter[0] = '\0';
	array.view.array = paddr(UINT64_C(1) << 40);
	ck_assert_int_eq(count_until(&never), -EFAULT);
	ck_assert_str_ne(now.problem.text, "");
}
END_TEST

START_TEST(holes_are_counted_and_stay_holes)
{
	slot_array_punch(&array, 1024, 1024);
	slot_array_punch(&array, RECORD_CHUNK, RECORD_CHUNK); /* a whole chunk of the walk */
	uint64_t blocks = slot_array_blocks(&array);

	count("");
	ck_assert_uint_eq(now.counts.tally.holes, 1024 + RECORD_CHUNK);
	ck_assert_uint_eq(now.counts.matches, SLOTS - 1024 - RECORD_CHUNK);
	ck_assert_uint_eq(slot_array_blocks(&array), blocks);
}
END_TEST

static struct crafted crafted;
static struct top_target target;

static void setup_target(void)
{
	setup();
	urcu_memb_register_thread();
	crafted_make(&crafted);
	target = (struct top_target){.memory = &crafted.source.memory,
				     .hints = crafted.source.hints};
}

static void teardown_target(void)
{
	top_sample_clear(&now);
	top_target_release(&target);
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

static int take(void)
{
	static const bool never = false;

	top_sample_clear(&now);
	return top_sample_take(&target, &state.request, &never, &now);
}

START_TEST(a_boot_between_two_looks_is_seen)
{
	ck_assert_int_eq(take(), 0);
	ck_assert_str_eq(now.problem.text, "");
	unsigned boot = now.boot;
	const struct guest *guest = target.guest;

	ck_assert_uint_gt(now.counters.count, 0);
	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(now.boot, boot);
	ck_assert_ptr_eq(target.guest, guest); /* refreshed, not searched for again */
	crafted.info->boot_id++;
	crafted.info->array_pa = 0; /* the new boot has just begun */
	crafted.info->boot_stage = STAGE_ENTERED;
	ck_assert_int_eq(take(), -EAGAIN);
	ck_assert_str_ne(now.problem.text, "");
	crafted.info->array_pa = CRAFTED_ARRAY_PA;
	crafted.info->boot_stage = STAGE_RUNNING;
	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(now.boot, boot + 1); /* though the sample that saw it had no frames */
	ck_assert_int_eq(now.event, LIFE_RESTARTED);
}
END_TEST

START_TEST(an_earlier_state_is_a_life_of_its_own)
{
	struct cpu_counters *counters = (struct cpu_counters *)(crafted.low + CRAFTED_COUNTERS_PA);

	counters->operations = 1000;
	ck_assert_int_eq(take(), 0);
	unsigned boot = now.boot;

	counters->operations = 2000;
	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(now.boot, boot);
	counters->operations = 1500;
	ck_assert_int_eq(take(), 0);
	ck_assert_uint_eq(now.boot, boot + 1);
	ck_assert_int_eq(now.event, LIFE_WENT_BACK);
}
END_TEST

START_TEST(what_cannot_be_true_is_a_problem_until_it_can)
{
	ck_assert_int_eq(take(), 0);
	crafted.info->slot_size = 1;
	ck_assert_int_eq(take(), -EPROTO);
	ck_assert_str_ne(now.problem.text, "");
	crafted.info->slot_size = SLOT_SIZE;
	ck_assert_int_eq(take(), 0);
	ck_assert_str_eq(now.problem.text, "");
	ck_assert_uint_eq(now.boot, 0);
}
END_TEST

START_TEST(a_sample_outlives_its_guest)
{
	state.request.columns = state.request.rows = 16;
	strcpy(state.request.filter, "type == anon");
	crafted_set_slot(&crafted, 3, 1, 1, CRAFTED_ANON);
	ck_assert_int_eq(take(), 0);
	top_target_release(&target);
	top_model_update(&model, NULL, &now, TOP_BY_COUNT);
	ck_assert_str_eq(model.types[0].name, "anon");
	ck_assert_uint_eq(top_model_in_use(&model), model.types[0].frames);
	ck_assert_ptr_nonnull(now.map.cells);
	ck_assert_int_eq(press("/ || type == slab\n"), TOP_ASK);
}
END_TEST

Suite *top_suite(void)
{
	Suite *suite = suite_create("top");
	TCase *worked_out = tcase_create("model and keys"), *gathered = tcase_create("sample");
	TCase *looked_at = tcase_create("target");

	tcase_add_checked_fixture(worked_out, setup, NULL);
	tcase_add_test(worked_out, buckets_double);
	tcase_add_test(worked_out, rates_are_by_the_time_between_samples);
	tcase_add_test(worked_out, no_rate_spans_two_boots);
	tcase_add_test(worked_out, a_guest_that_does_not_count_has_no_rates);
	tcase_add_test(worked_out, retries_add_up_over_samples);
	tcase_add_test(worked_out, types_are_sorted_by_count_name_and_change);
	tcase_add_test(worked_out, types_without_frames_show_once_when_they_have_gone);
	tcase_add_test(worked_out, what_was_counted_otherwise_has_no_change);
	tcase_add_test(worked_out, a_grid_has_as_many_cells_as_fit);
	tcase_add_test(worked_out, cells_that_become_one_keep_what_is_broken);
	tcase_add_test(worked_out, keys_sort_pause_and_colour);
	tcase_add_test(worked_out, the_map_has_no_references_of_a_kind_without);
	tcase_add_test(worked_out, keys_change_the_interval_within_bounds);
	tcase_add_test(worked_out, a_filter_is_taken_only_when_it_is_right);
	tcase_add_test(worked_out, a_filter_has_an_end);
	suite_add_tcase(suite, worked_out);
	tcase_add_checked_fixture(gathered, setup_array, teardown_array);
	tcase_add_test(gathered, a_pass_counts_states_types_and_references);
	tcase_add_test(gathered, a_filter_counts_what_it_means);
	tcase_add_test(gathered, a_filter_knows_the_fields);
	tcase_add_test(gathered, a_pass_ends_early_and_says_what_is_wrong);
	tcase_add_test(gathered, holes_are_counted_and_stay_holes);
	suite_add_tcase(suite, gathered);
	tcase_add_checked_fixture(looked_at, setup_target, teardown_target);
	tcase_add_test(looked_at, a_boot_between_two_looks_is_seen);
	tcase_add_test(looked_at, an_earlier_state_is_a_life_of_its_own);
	tcase_add_test(looked_at, what_cannot_be_true_is_a_problem_until_it_can);
	tcase_add_test(looked_at, a_sample_outlives_its_guest);
	suite_add_tcase(suite, looked_at);
	return suite;
}
