/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/inspect/frame_watch.h: what is a change, when it happened, and what no look has seen. */
#include "unit/suites.h"

#include "inspect/frame_watch.h"

static struct frame_watch watch;
static struct frame_change change;
static uint64_t now_ns;

static void setup(void)
{
	watch = (struct frame_watch){.pfn = 7};
	now_ns = 1000;
}

static struct frame_look look_of(uint32_t generation, uint32_t references)
{
	struct frame_look look = {
		.references = references,
		.generation = generation,
		.class = ref_classify(references),
		.type = -1,
		.copy.state = slot_state(generation, references),
	};

	look.is_in_use = ref_in_use(references);
	return look;
}

/* A look that takes 10 ns, a hundred after the one before has begun. */
static bool step(struct frame_look look)
{
	now_ns += 100;
	return frame_watch_step(&watch, &look, now_ns, now_ns + 10, &change);
}

START_TEST(the_first_look_is_told_and_is_no_change)
{
	ck_assert(step(look_of(5, 1)));
	ck_assert(change.is_first);
	ck_assert_uint_eq(change.differences, 0);
	ck_assert_ptr_null(change.before);
	ck_assert_uint_eq(change.now->generation, 5);
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
	ck_assert_uint_eq(change.differences, FRAME_REFERENCES);
	ck_assert_uint_eq(change.before->references, 1);
	ck_assert_uint_eq(change.now->references, 3);
	ck_assert_uint_eq(change.missed, 0);
	ck_assert_uint_eq(watch.changes, 1);
}
END_TEST

/* From the begin of the look before to the end of this one, whatever was the same in between. */
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
	ck_assert_uint_eq(change.differences, FRAME_STATE | FRAME_REFERENCES);
	ck_assert_uint_eq(change.missed, 0);
	ck_assert(step(look_of(6, REF_BUSY)));
	ck_assert_uint_eq(change.missed, 0);
	ck_assert(step(look_of(6, 1)));
	ck_assert_uint_eq(change.differences, FRAME_STATE | FRAME_REFERENCES);
	ck_assert_uint_eq(watch.changes, 3);
	ck_assert_uint_eq(watch.missed, 0);
}
END_TEST

START_TEST(generations_between_two_looks_are_missed)
{
	step(look_of(5, 1));
	ck_assert(step(look_of(18, 1)));
	ck_assert_uint_eq(change.differences, FRAME_GENERATION);
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

START_TEST(metadata_and_type)
{
	struct frame_look look = look_of(5, 1);

	look.copy.vtable_ptr = 0x1000;
	step(look);
	look.copy.storage[5] ^= UINT64_C(1) << 63;
	ck_assert(step(look));
	ck_assert_uint_eq(change.differences, FRAME_METADATA);
	look.copy.vtable_ptr = 0x1040;
	look.copy.storage[0]++;
	ck_assert(step(look));
	ck_assert_uint_eq(change.differences, FRAME_TYPE);
}
END_TEST

/* The storage of a frame that is not in use is not what it was read as. */
START_TEST(metadata_counts_while_in_use)
{
	struct frame_look look = look_of(5, REF_UNUSED);

	step(look);
	look.copy.storage[0]++;
	look.copy.vtable_ptr++;
	ck_assert(!step(look));
}
END_TEST

START_TEST(a_slot_that_is_written_for_the_first_time)
{
	step((struct frame_look){.is_hole = true, .type = -1});
	ck_assert(step(look_of(40, 1)));
	ck_assert_uint_eq(change.differences & FRAME_STATE, FRAME_STATE);
	ck_assert_uint_eq(change.missed, 0);
}
END_TEST

START_TEST(a_look_that_is_unstable)
{
	struct frame_look look = look_of(9, 1);

	step(look_of(5, 1));
	look.is_unstable = true;
	look.is_in_use = false;
	ck_assert(step(look));
	ck_assert_uint_eq(change.differences, FRAME_STATE | FRAME_GENERATION);
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
	tcase_add_test(tcase, metadata_and_type);
	tcase_add_test(tcase, metadata_counts_while_in_use);
	tcase_add_test(tcase, a_slot_that_is_written_for_the_first_time);
	tcase_add_test(tcase, a_look_that_is_unstable);
	suite_add_tcase(suite, tcase);
	return suite;
}
