/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/inspect/frame_watch.h: what counts as a change, when it happened, and what no sample saw. */
#include "unit/suites.h"

#include <stddef.h>

#include "inspect/frame_watch.h"
#include "kind/pagevisor/classify.h"
#include "kind/pagevisor/pagevisor.h"

/* Index, in a record's words, of the word that names the type. */
#define TYPE_WORD (offsetof(struct meta_slot, vtable_ptr) / sizeof(uint64_t))

static const struct guest guest = {.kind = &pagevisor_kind};
static struct frame_watch watch;
static struct watch_change change;
static uint64_t now_ns;

static void setup(void)
{
	watch = (struct frame_watch){.pfn = 7};
	now_ns = 1000;
}

/* A sample of a slot; while in use, it has a type that the guest does not know. */
static struct frame_look look_of(uint32_t generation, uint32_t references)
{
	int type = ref_in_use(references) ? FRAME_TYPE_WILD : FRAME_TYPE_NONE;

	return (struct frame_look){
		.frame = frame_of_state(slot_state(generation, references), type)};
}

/* A sample that takes 10 ns, and starts 100 ns after the start of the previous one. */
static bool step_of(const struct guest *of, struct frame_look look)
{
	now_ns += 100;
	return frame_watch_step(&watch, of, &look, now_ns, now_ns + 10, &change);
}

static bool step(struct frame_look look)
{
	return step_of(&guest, look);
}

START_TEST(the_first_look_is_told_and_is_no_change)
{
	ck_assert(step(look_of(5, 1)));
	ck_assert(change.is_first);
	ck_assert_uint_eq(change.differences, 0);
	ck_assert_ptr_null(change.before);
	ck_assert_uint_eq(change.now->frame.generation, 5);
	ck_assert_uint_eq(watch.changes, 0);
}
END_TEST

START_TEST(what_stays_is_not_told)
{
	step(look_of(5, 1));
	ck_assert(!step(look_of(5, 1)));
	ck_assert(!step(look_of(5, 1)));
	ck_assert_uint_eq(watch.looks, 3);
	ck_assert_uint_eq(watch.changes, 0);
}
END_TEST

START_TEST(references_of_one_owner)
{
	step(look_of(5, 1));
	ck_assert(step(look_of(5, 3)));
	ck_assert(!change.is_first);
	ck_assert_uint_eq(change.differences, WATCH_REFERENCES);
	ck_assert_uint_eq(change.before->frame.references, 1);
	ck_assert_uint_eq(change.now->frame.references, 3);
	ck_assert_uint_eq(change.missed, 0);
	ck_assert_uint_eq(watch.changes, 1);
}
END_TEST

/* A change lies between the start of the previous sample and the end of this one. Unchanged samples count, too. */
START_TEST(when_it_happened)
{
	step(look_of(5, 1));
	step(look_of(5, 1));
	ck_assert(step(look_of(5, 2)));
	ck_assert_uint_eq(change.after_ns, 1200);
	ck_assert_uint_eq(change.at_ns, 1310);
	ck_assert_uint_eq(watch.gap_ns, 110);
	now_ns += 5000;
	ck_assert(!step(look_of(5, 2)));
	ck_assert_uint_eq(watch.gap_ns, 5110);
	ck_assert(!step(look_of(5, 2)));
	ck_assert_uint_eq(watch.gap_ns, 5110);
}
END_TEST

START_TEST(a_frame_that_is_dropped_and_claimed)
{
	step(look_of(5, 1));
	ck_assert(step(look_of(5, REF_UNUSED)));
	ck_assert_uint_eq(change.differences, WATCH_STATE | WATCH_REFERENCES);
	ck_assert_uint_eq(change.missed, 0);
	ck_assert(step(look_of(6, REF_BUSY)));
	ck_assert_uint_eq(change.missed, 0);
	ck_assert(step(look_of(6, 1)));
	ck_assert_uint_eq(change.differences, WATCH_STATE | WATCH_REFERENCES);
	ck_assert_uint_eq(watch.changes, 3);
	ck_assert_uint_eq(watch.missed, 0);
}
END_TEST

START_TEST(generations_between_two_looks_are_missed)
{
	step(look_of(5, 1));
	ck_assert(step(look_of(18, 1)));
	ck_assert_uint_eq(change.differences, WATCH_GENERATION);
	ck_assert_uint_eq(change.missed, 12);
	ck_assert(step(look_of(19, 1)));
	ck_assert_uint_eq(change.missed, 0);
	ck_assert(step(look_of(21, 1)));
	ck_assert_uint_eq(watch.missed, 13);
}
END_TEST

START_TEST(the_generation_comes_round)
{
	step(look_of(UINT32_MAX, 1));
	ck_assert(step(look_of(0, 1)));
	ck_assert_uint_eq(change.missed, 0);
	step(look_of(UINT32_MAX - 1, 1));
	ck_assert(step(look_of(2, 1)));
	ck_assert_uint_eq(change.missed, 3);
}
END_TEST

/* Another boot, or an earlier state of the same one. */
START_TEST(nothing_is_missed_where_the_generation_falls)
{
	step(look_of(5000, 1));
	ck_assert(step(look_of(7, 1)));
	ck_assert_uint_eq(change.missed, 0);
	ck_assert_uint_eq(watch.missed, 0);
	step(look_of(9, 1));
	ck_assert_uint_eq(change.missed, 1);
}
END_TEST

START_TEST(after_a_restart_a_first_look_is_one_again)
{
	step(look_of(5, 1));
	step(look_of(7, 1));
	frame_watch_restart(&watch);
	ck_assert(step(look_of(7, 1)));
	ck_assert(change.is_first);
	ck_assert_ptr_null(change.before);
	ck_assert_uint_eq(watch.changes, 1);
	ck_assert_uint_eq(watch.missed, 1);
	ck_assert_uint_eq(watch.looks, 3);
	ck_assert(!step(look_of(7, 1)));
}
END_TEST

START_TEST(metadata_and_type)
{
	struct frame_look look = look_of(5, 1);

	look.record[TYPE_WORD] = 0x1000;
	step(look);
	look.record[5] ^= UINT64_C(1) << 63;
	ck_assert(step(look));
	ck_assert_uint_eq(change.differences, WATCH_METADATA);
	look.record[TYPE_WORD] = 0x1040;
	look.record[0]++;
	ck_assert(step(look));
	ck_assert_uint_eq(change.differences, WATCH_TYPE);
}
END_TEST

/* The storage of a frame that is not in use no longer holds what was sampled. */
START_TEST(metadata_counts_while_in_use)
{
	struct frame_look look = look_of(5, REF_UNUSED);

	step(look);
	look.record[0]++;
	look.record[TYPE_WORD]++;
	ck_assert(!step(look));
}
END_TEST

/* A kind whose records name no type, have words after the metadata, and no generations. */
START_TEST(a_kind_that_promises_less)
{
	static const struct frame_state states[] = {{.name = "free"},
						    {.name = "used", .is_in_use = true}};
	static const struct kind kind = {.record_size = 3 * sizeof(uint64_t),
					 .metadata_size = 2 * sizeof(uint64_t),
					 .state_count = 2,
					 .states = states};
	const struct guest plain = {.kind = &kind, .type_count = 2};
	struct frame_look look = {.frame = {.state = 1, .type = 0}};

	ck_assert(step_of(&plain, look));
	look.record[2]++;
	ck_assert(!step_of(&plain, look));
	look.record[1]++;
	ck_assert(step_of(&plain, look));
	ck_assert_uint_eq(change.differences, WATCH_METADATA);
	look.frame.type = 1;
	look.record[1]++;
	ck_assert(step_of(&plain, look));
	ck_assert_uint_eq(change.differences, WATCH_TYPE);
	look.frame = (struct frame){.state = 0, .type = FRAME_TYPE_NONE};
	ck_assert(step_of(&plain, look));
	ck_assert_uint_eq(change.differences, WATCH_STATE);
	ck_assert_uint_eq(watch.missed, 0);
}
END_TEST

START_TEST(a_slot_that_is_written_for_the_first_time)
{
	step((struct frame_look){.frame = {.state = FRAME_NEVER_WRITTEN, .type = FRAME_TYPE_NONE}});
	ck_assert(step(look_of(40, 1)));
	ck_assert_uint_eq(change.differences & WATCH_STATE, WATCH_STATE);
	ck_assert_uint_eq(change.missed, 0);
}
END_TEST

START_TEST(a_look_that_is_unstable)
{
	struct frame_look look = look_of(9, 1);

	step(look_of(5, 1));
	look.frame.state = FRAME_UNSTABLE;
	look.frame.type = FRAME_TYPE_NONE;
	ck_assert(step(look));
	ck_assert_uint_eq(change.differences, WATCH_STATE | WATCH_GENERATION);
	ck_assert_uint_eq(change.missed, 3);
	ck_assert_uint_eq(watch.unstable, 1);
}
END_TEST

Suite *frame_watch_suite(void)
{
	Suite *suite = suite_create("frame_watch");
	TCase *tcase = tcase_create("frame_watch");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_first_look_is_told_and_is_no_change);
	tcase_add_test(tcase, what_stays_is_not_told);
	tcase_add_test(tcase, references_of_one_owner);
	tcase_add_test(tcase, when_it_happened);
	tcase_add_test(tcase, a_frame_that_is_dropped_and_claimed);
	tcase_add_test(tcase, generations_between_two_looks_are_missed);
	tcase_add_test(tcase, the_generation_comes_round);
	tcase_add_test(tcase, nothing_is_missed_where_the_generation_falls);
	tcase_add_test(tcase, after_a_restart_a_first_look_is_one_again);
	tcase_add_test(tcase, metadata_and_type);
	tcase_add_test(tcase, metadata_counts_while_in_use);
	tcase_add_test(tcase, a_kind_that_promises_less);
	tcase_add_test(tcase, a_slot_that_is_written_for_the_first_time);
	tcase_add_test(tcase, a_look_that_is_unstable);
	suite_add_tcase(suite, tcase);
	return suite;
}
