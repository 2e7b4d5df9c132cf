/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The interface for kinds of guests: everything that works on frames works on a second kind, which only the unit tests'
 * table of kinds has (ledger_kind.h). Finding guests is in test_kind_find.c, the commands in test_kind_commands.c.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect/diff.h"
#include "inspect/find/find.h"
#include "inspect/map_image.h"
#include "inspect/observation.h"
#include "kind/facts.h"
#include "kind/free_counts.h"
#include "kind/history.h"
#include "kind/frame_look.h"
#include "kind/description.h"
#include "kind/fields/type_catalog.h"
#include "kind/frame_read.h"
#include "kind/frame_walk.h"
#include "memory/rcu.h"
#include "unit/crafted_source.h"
#include "unit/ledger_guest.h"
#include "view/observation_json.h"

START_TEST(another_boot_is_noticed)
{
	ck_assert_int_eq(guest_refresh(guest, &err), 0);
	ledger.page->boot++;
	ledger.page->run_count = 1;
	ck_assert_int_eq(guest_refresh(guest, &err), 1);
	ck_assert_uint_eq(guest->frame_count, LEDGER_FIRST);
	ledger.page->runs[0].pa = LEDGER_RAM;
	ck_assert_int_eq(guest_refresh(guest, &err), -EPROTO);
	ck_assert_uint_eq(guest->frame_count, LEDGER_FIRST);
}
END_TEST

/* ---- frames ---- */

static const struct {
	uint64_t frame;
	uint8_t state;
	int type;
} sorts[] = {
	{0, LEDGER_VACANT, FRAME_TYPE_NONE},
	{10, LEDGER_HELD, LEDGER_GOLD},
	{11, LEDGER_HELD, LEDGER_SALT},
	{12, LEDGER_HELD, FRAME_TYPE_WILD},
	{13, LEDGER_VOID, FRAME_TYPE_NONE},
	{14, LEDGER_VOID, FRAME_TYPE_NONE},
	{LEDGER_HOLE - 1, LEDGER_VACANT, FRAME_TYPE_NONE},
	{LEDGER_HOLE, FRAME_NEVER_WRITTEN, FRAME_TYPE_NONE},
	{LEDGER_HOLE + LEDGER_HOLE_COUNT - 1, FRAME_NEVER_WRITTEN, FRAME_TYPE_NONE},
	{LEDGER_HOLE + LEDGER_HOLE_COUNT, LEDGER_VACANT, FRAME_TYPE_NONE},
	{LEDGER_FIRST - 1, LEDGER_HELD, LEDGER_GOLD},
	{LEDGER_FIRST, LEDGER_HELD, LEDGER_SALT},
	{LEDGER_FRAMES - 1, LEDGER_HELD, LEDGER_GOLD},
};

#define SORTS (sizeof(sorts) / sizeof(sorts[0]))

static struct frame walked[LEDGER_FRAMES];
static uint64_t walked_count;

static int keep_batch(void *own, const struct frame_batch *batch)
{
	(void)own;
	ck_assert_uint_eq(batch->first.index, walked_count);
	ck_assert_uint_le(walked_count + batch->count, LEDGER_FRAMES);
	for (uint64_t i = 0; i < batch->count; i++)
		walked[walked_count++] = batch->frames ? batch->frames[i]
						       : (struct frame){.state = batch->state,
									.type = FRAME_TYPE_NONE};
	return 0;
}

/* One by one, in batches, and a range at a time: always the same frames. */
static void assert_frames(const struct guest *of)
{
	static struct frame read[LEDGER_FRAMES];
	struct read_counters counters = {0};
	struct frame_look look;

	walked_count = 0;
	ck_assert_int_eq(frame_walk(of, DETAIL_TYPE, keep_batch, NULL, &counters), 0);
	ck_assert_uint_eq(walked_count, LEDGER_FRAMES);
	ck_assert_uint_eq(counters.slots, LEDGER_FRAMES - LEDGER_HOLE_COUNT);
	for (uint64_t i = 0; i < LEDGER_FRAMES; i += 3000)
		ck_assert_int_eq(frames_read(of, i, 3000, &read[i]), 0);
	for (uint64_t i = 0; i < LEDGER_FRAMES; i++) {
		ck_assert_uint_eq(read[i].state, walked[i].state);
		ck_assert_int_eq(read[i].type, walked[i].type);
	}
	for (size_t i = 0; i < SORTS; i++) {
		ck_assert_int_eq(guest_look(of, sorts[i].frame, &look), 0);
		ck_assert_uint_eq(look.frame.state, sorts[i].state);
		ck_assert_int_eq(look.frame.type, sorts[i].type);
		ck_assert_uint_eq(walked[sorts[i].frame].state, sorts[i].state);
		ck_assert_int_eq(walked[sorts[i].frame].type, sorts[i].type);
	}
}

START_TEST(frames_are_the_same_by_every_way)
{
	struct frame_look look;

	assert_frames(guest);
	ck_assert_int_eq(guest_look(guest, LEDGER_FIRST, &look), 0);
	ck_assert_uint_eq(look.record[0], ledger_record(LEDGER_HELD, LEDGER_SALT, 2));
}
END_TEST

static int read_ledger(void *own, paddr_t pa, void *buffer, size_t length)
{
	const struct ledger *from = own;

	return pread(from->fd, buffer, length, (off_t)pa.addr) == (ssize_t)length ? 0 : -EIO;
}

static int find_ledger_data(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	const struct ledger *from = own;
	off_t start = (off_t)pa.addr, end = start + (off_t)length;
	off_t first = lseek(from->fd, start, SEEK_DATA);

	first = first < 0 || first > end ? end : first;
	off_t last = first < end ? lseek(from->fd, first, SEEK_HOLE) : end;

	*hole = (uint64_t)(first - start);
	*data = (uint64_t)((last < end ? last : end) - first);
	return 0;
}

START_TEST(copied_memory_is_as_mapped_memory)
{
	const struct memory_reader reader = {.read = read_ledger,
					     .find_data = find_ledger_data,
					     .own = &ledger,
					     .chunk = MEMORY_READER_CHUNK_MIN};
	struct frame_tally mapped, copied_tally;
	struct findings findings, copied_findings;
	struct guest_memory copied;

	ck_assert_int_eq(guest_memory_init(&copied, &err), 0);
	ck_assert_int_eq(guest_memory_add_copied(&copied, paddr(0), LEDGER_RAM, &reader, &err), 0);
	struct guest *other = found_in(&copied, &at_page);

	assert_frames(other);
	ck_assert_int_eq(guest_tally(guest, &mapped, &findings), 0);
	ck_assert_int_eq(guest_tally(other, &copied_tally, &copied_findings), 0);
	mapped.duration_ns = copied_tally.duration_ns = 0;
	ck_assert_mem_eq(&mapped, &copied_tally, sizeof(mapped));
	ck_assert_uint_eq(copied_findings.total, 1);
	guest_free(other);
	guest_memory_destroy(&copied);
}
END_TEST

/* ---- what works on frames ---- */

static uint64_t found[16];
static unsigned found_count;

static void take(void *own, const struct found_frame *frame)
{
	(void)own;
	if (found_count < sizeof(found) / sizeof(found[0]))
		found[found_count] = frame->pfn.index;
	found_count++;
	if (frame->frame.state == LEDGER_HELD)
		ck_assert_uint_eq(*(const uint64_t *)frame->record,
				  *ledger_at(&ledger, frame->pfn.index));
}

static uint64_t find(const char *text)
{
	static struct expression expression;
	const struct find_options options = {
		.expression = &expression, .limit = UINT64_MAX, .found = take};
	struct find_result result;

	found_count = 0;
	ck_assert_msg(expression_compile(text, guest, NULL, &expression, &err) == 0, "%s",
		      err.text);
	ck_assert_int_eq(find_frames(guest, &options, &result), 0);
	ck_assert_uint_eq(result.holes, LEDGER_HOLE_COUNT);
	ck_assert_uint_eq(result.matches, found_count);
	return result.matches;
}

START_TEST(frames_are_found_by_state_and_type)
{
	ck_assert_uint_eq(find("state == void"), 2);
	ck_assert_uint_eq(find("state != vacant && type != gold"), 3);
	ck_assert_uint_eq(find("type == gold"), 3);
	ck_assert_uint_eq(found[0], 10);
	ck_assert_uint_eq(found[1], LEDGER_FIRST - 1);
	ck_assert_uint_eq(found[2], LEDGER_FRAMES - 1);
	ck_assert_uint_eq(find("type == salt && pfn > 11"), 1);
	ck_assert_uint_eq(found[0], LEDGER_FIRST);
	ck_assert_uint_eq(find("state == vacant && addr < 40K"), 10);
}
END_TEST

static void assert_refused(const char *text, const char *says)
{
	static struct expression expression;

	ck_assert_int_eq(expression_compile(text, guest, NULL, &expression, &err), -EINVAL);
	ck_assert_str_eq(err.text, says);
}

START_TEST(what_it_does_not_promise_cannot_be_asked_for)
{
	assert_refused("1 && ref > 1", "column 6: guests of the kind ledger have no ref");
	assert_refused("gen == 1", "column 1: guests of the kind ledger have no gen");
	assert_refused("refs == 1", "column 1: guests of the kind ledger have no refs");
	assert_refused(
		"lists == 1",
		"column 1: what is \"lists\"? There are type, state, broken, free, resident, pfn "
		"and addr");
	assert_refused(
		"state == unused",
		"column 10: \"unused\" is not a state; the states are: vacant held void broken");
	assert_refused(
		"type == anon",
		"column 9: \"anon\" is not a type of this guest; its types are: gold salt wild");
}
END_TEST

static uint64_t frames_of(const struct map_image *image, const char *name)
{
	for (unsigned i = 0; i < image->class_count; i++)
		if (strcmp(image->classes[i].name, name) == 0)
			return image->classes[i].frames;
	return UINT64_MAX;
}

static const char *class_at(const struct map_image *image, uint64_t frame)
{
	return image->classes[image->cells[frame]].name;
}

START_TEST(maps_have_its_states_and_types)
{
	const struct map_grid grid = map_grid_fit(LEDGER_FRAMES, 100, 100);
	struct map_image image;

	ck_assert_uint_eq(grid.frames_per_cell, 1);
	ck_assert_int_eq(map_image_build(guest, MAP_BY_STATE, grid, &image, &err), 0);
	ck_assert_uint_eq(frames_of(&image, "held"), 6);
	ck_assert_uint_eq(frames_of(&image, "void"), 2);
	ck_assert_str_eq(class_at(&image, LEDGER_FIRST), "held");
	ck_assert_str_eq(class_at(&image, 13), "void");
	map_image_free(&image);
	ck_assert_int_eq(map_image_build(guest, MAP_BY_TYPE, grid, &image, &err), 0);
	ck_assert_uint_eq(frames_of(&image, "gold"), 3);
	ck_assert_uint_eq(frames_of(&image, "salt"), 2);
	ck_assert_str_eq(class_at(&image, LEDGER_FIRST), "salt");
	ck_assert_str_eq(class_at(&image, LEDGER_FIRST - 1), "gold");
	ck_assert_str_eq(class_at(&image, 12), "wild");
	ck_assert_str_eq(class_at(&image, 0), "vacant");
	map_image_free(&image);
	ck_assert(map_by_applies(guest, MAP_BY_STATE) && map_by_applies(guest, MAP_BY_TYPE));
	ck_assert(!map_by_applies(guest, MAP_BY_REFS));
}
END_TEST

START_TEST(an_observation_counts_its_frames)
{
	struct observation seen = {0};
	struct json_object *root = json_object_new_object(), *tally, *member;

	ck_assert_int_eq(observation_look(&seen, &ledger.memory, &anywhere), 0);
	ck_assert_ptr_eq(seen.guest->kind, &ledger_kind);
	ck_assert_uint_eq(seen.last.states[LEDGER_HELD], 6);
	ck_assert_uint_eq(seen.last.states[LEDGER_VOID], 2);
	ck_assert_uint_eq(seen.last.states[LEDGER_VACANT], LEDGER_FRAMES - LEDGER_HOLE_COUNT - 8);
	ck_assert_uint_eq(seen.last.types[LEDGER_GOLD], 3);
	ck_assert_uint_eq(seen.last.holes, LEDGER_HOLE_COUNT);
	ck_assert_uint_eq(guest_in_use(seen.guest, &seen.last), 6);
	ck_assert_uint_eq(seen.findings.total, 1);
	ck_assert_ptr_eq(seen.findings.list[0].rule, LEDGER_RULE_STATE);
	ck_assert_uint_eq(seen.findings.list[0].frame.addr, 14 * PAGE_SIZE);
	ck_assert_uint_eq(seen.counters.count, 0);
	ck_assert(!observation_is_complete(&seen));
	ck_assert_int_eq(observation_check(&seen, CHECK_ANY_INSTANT, &err), -ENOTSUP);
	observation_add_json(root, &seen);
	ck_assert(json_object_object_get_ex(root, "tally", &tally));
	ck_assert(json_object_object_get_ex(tally, "ram_frames", &member));
	ck_assert_int_eq(json_object_get_int(member), LEDGER_FRAMES);
	ck_assert(!json_object_object_get_ex(tally, "references", &member));
	ck_assert(json_object_object_get_ex(tally, "by_state", &member));
	ck_assert_str_eq(json_line(member), "{\"vacant\":8480,\"held\":6,\"void\":2}");
	json_object_put(root);
	observation_end(&seen);
}
END_TEST

START_TEST(two_images_differ_where_their_frames_do)
{
	struct ledger later;
	struct diff diff;

	ledger_make(&later);
	ledger_fill(&later);
	*ledger_at(&later, 10) = ledger_record(LEDGER_HELD, LEDGER_SALT, 77);
	*ledger_at(&later, 11) = ledger_record(LEDGER_VACANT, 0, 0);
	*ledger_at(&later, 20) = ledger_record(LEDGER_HELD, LEDGER_GOLD, 1);
	*ledger_at(&later, 21) = ledger_record(LEDGER_VOID, 0, 1);
	/* The same type with another value: nothing that the kind compares has changed. */
	*ledger_at(&later, LEDGER_FIRST) = ledger_record(LEDGER_HELD, LEDGER_SALT, 99);
	struct guest *other = found_in(&later.memory, &anywhere);

	ck_assert_int_eq(diff_make(guest, other, 10, &diff, &err), 0);
	ck_assert_uint_eq(diff.changes[FRAME_RETYPED], 1);
	ck_assert_uint_eq(diff.changes[FRAME_VANISHED], 1);
	ck_assert_uint_eq(diff.changes[FRAME_APPEARED], 1);
	ck_assert_uint_eq(diff.changes[FRAME_OTHER], 1);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], LEDGER_FRAMES - 4);
	ck_assert_uint_eq(diff.listed, 4);
	ck_assert_uint_eq(diff.list[3].frame.addr, 21 * PAGE_SIZE);
	ck_assert_uint_eq(diff.list[3].b.state, LEDGER_VOID);
	diff_free(&diff);
	guest_free(other);
	ledger_free(&later);
}
END_TEST

/* Without references, a frame in use that only changed its state was not recounted. */
START_TEST(another_state_in_use_is_another_state)
{
	struct frame_state states[LEDGER_VOID + 1];
	struct kind held_in_two_states = ledger_kind;
	struct ledger later;
	struct diff diff;

	memcpy(states, ledger_kind.states, sizeof(states));
	states[LEDGER_VOID].is_in_use = true;
	held_in_two_states.states = states;
	ledger_make(&later);
	ledger_fill(&later);
	*ledger_at(&later, 13) = ledger_record(LEDGER_HELD, LEDGER_TYPES, 0);
	struct guest *other = found_in(&later.memory, &anywhere);

	guest->kind = other->kind = &held_in_two_states;
	ck_assert_int_eq(diff_make(guest, other, 10, &diff, &err), 0);
	ck_assert_uint_eq(diff.changes[FRAME_OTHER], 1);
	ck_assert_uint_eq(diff.changes[FRAME_SAME], LEDGER_FRAMES - 1);
	diff_free(&diff);
	guest_free(other);
	ledger_free(&later);
	guest->kind = &ledger_kind;
}
END_TEST

/* Its records lie in two runs, and a page holds too many of them: an update reads all of them each time. */
START_TEST(an_incremental_scan_makes_way_for_a_full_one)
{
	static struct crafted crafted; /* instead of a dirty log */
	struct incremental incremental;
	struct observation seen = {.incremental = &incremental};

	crafted_make(&crafted);
	ck_assert_int_eq(incremental_begin(&incremental, &crafted.source.control, &err), 0);
	ck_assert_int_eq(observation_look(&seen, &ledger.memory, &anywhere), 0);
	ck_assert_ptr_null(seen.incremental);
	ck_assert_str_eq(seen.log_problem.text, "the metadata of crafted cannot be read in pieces");
	ck_assert_uint_eq(seen.last.states[LEDGER_HELD], 6);
	observation_end(&seen);
	incremental_end(&incremental);
	crafted_free(&crafted);
}
END_TEST

START_TEST(what_it_lacks_is_refused_or_empty)
{
	const struct describe_options options = {.has_all_memory = true};
	struct frame_history history = {.pfn = 10};
	struct history_counts counts = {0};
	struct description description;
	struct free_counts free_counts;
	struct findings findings = {0};
	struct frame_tally tally = {0};
	struct call_sites sites;
	struct symbols symbols;
	struct frame_look look;
	struct facts facts;
	uint64_t steps[GUEST_CPUS_MAX], length;
	paddr_t written;

	ck_assert_int_eq(guest_look(guest, 10, &look), 0);
	ck_assert_int_eq(guest_describe(guest, &look, &options, &description, &err), 0);
	ck_assert_ptr_null(description.text);
	ck_assert_ptr_null(description.members);
	description_free(&description);
	ck_assert_int_eq(guest_history(guest, NULL, &history, 1, 10, &counts), -ENODATA);
	ck_assert_uint_eq(history.count, 0);
	history_free(&history);
	ck_assert_int_eq(guest_call_sites(guest, &sites), -ENODATA);
	ck_assert_int_eq(guest_symbols(guest, &symbols), 0);
	ck_assert_int_eq(guest_check(guest, CHECK_AT_REST, &facts, &findings, &err), -ENOTSUP);
	ck_assert_str_eq(err.text, "guests of the kind ledger have no rules to check");
	guest_audit(guest, &tally, &findings);
	ck_assert_uint_eq(findings.total, 0);
	ck_assert_int_eq(guest_counters(guest, &facts), -EAGAIN);
	ck_assert_int_eq(guest_steps(guest, steps), -ENOTSUP);
	ck_assert_int_eq(guest_ask_to_stop(guest, &written, &length), -ENOTSUP);
	guest_free_counts(guest, &free_counts);
	ck_assert(!free_counts.is_known);
	ck_assert_str_ne(free_counts.why.text, "");
	ck_assert(guest_is_in_place(guest));
}
END_TEST

START_TEST(its_types_have_no_fields)
{
	struct type_catalog *catalog = guest_type_catalog(guest);

	ck_assert_uint_eq(catalog->count, LEDGER_TYPES);
	ck_assert_uint_eq(type_catalog_words(catalog), 1);
	ck_assert_str_eq(type_catalog_unknown(catalog, LEDGER_SALT),
			 "a ledger does not tell its fields");
	type_catalog_free(catalog);
}
END_TEST

Suite *kind_suite(void)
{
	Suite *suite = suite_create("kind");
	TCase *tcase = tcase_create("kind");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, another_boot_is_noticed);
	tcase_add_test(tcase, frames_are_the_same_by_every_way);
	tcase_add_test(tcase, copied_memory_is_as_mapped_memory);
	tcase_add_test(tcase, frames_are_found_by_state_and_type);
	tcase_add_test(tcase, what_it_does_not_promise_cannot_be_asked_for);
	tcase_add_test(tcase, maps_have_its_states_and_types);
	tcase_add_test(tcase, an_observation_counts_its_frames);
	tcase_add_test(tcase, two_images_differ_where_their_frames_do);
	tcase_add_test(tcase, another_state_in_use_is_another_state);
	tcase_add_test(tcase, an_incremental_scan_makes_way_for_a_full_one);
	tcase_add_test(tcase, what_it_lacks_is_refused_or_empty);
	tcase_add_test(tcase, its_types_have_no_fields);
	suite_add_tcase(suite, tcase);
	return suite;
}
