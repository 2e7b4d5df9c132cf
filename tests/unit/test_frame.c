/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/frame.h: claiming and getting frames by address, references, and the effect of the last put.
 * Dropping whole structures of frames is in test_frame_drop.c.
 */
#include "unit/suites.h"

#include <string.h>

#include "unit/fixture.h"

#define GENERATION   UINT32_C(9)
#define SOME_REFS    UINT32_C(3)
#define ILLEGAL_REFS (REF_MAX_HELD + 1)
#define WILD_POINTER UINT64_C(0x1000)
#define BEYOND       paddr(SMALL_MACHINE_SIZE)
#define MISALIGNED   paddr(some_unused_frame().addr + 1)

static const struct stamp_meta stamp = {.a = 1, .b = 2, .c = 3};

static struct meta_slot *some_slot(void)
{
	return frame_to_meta(some_unused_frame());
}

static frame_t claim(void)
{
	frame_t frame = FRAME_NONE;

	ck_assert_uint_eq(frame_claim(stamp, some_unused_frame(), &stamp, &frame), FRAME_OK);
	return frame;
}

static enum frame_error claim_into(paddr_t addr, frame_t *out)
{
	return frame_claim(stamp, addr, &stamp, out);
}

/* The operation must fail with `expected` and leave all slots and *out unchanged. */
static void assert_refused(enum frame_error (*operation)(paddr_t, frame_t *), paddr_t addr,
			   enum frame_error expected)
{
	struct snapshot before = snapshot_take();
	struct meta_slot untouched;
	frame_t out = {&untouched};

	ck_assert_uint_eq(operation(addr, &out), expected);
	ck_assert_ptr_eq(out.slot, &untouched);
	snapshot_check(&before);
}

static void assert_refused_in_state(enum frame_error (*operation)(paddr_t, frame_t *),
				    uint32_t refs, enum frame_error expected)
{
	some_slot()->state = slot_state(GENERATION, refs);
	assert_refused(operation, some_unused_frame(), expected);
}

START_TEST(claim_gives_the_first_reference)
{
	frame_t frame = claim();

	ck_assert_uint_eq(frame_paddr(frame).addr, some_unused_frame().addr);
	ck_assert_uint_eq(frame_references(frame), 1);
	ck_assert_ptr_eq(frame_type(frame), &meta_type_stamp);
	ck_assert_mem_eq(frame_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(claim_starts_a_new_generation)
{
	uint32_t before = slot_state_generation(slot_load(some_slot()));

	claim();
	ck_assert_uint_eq(slot_state_generation(slot_load(some_slot())), before + 1);
}
END_TEST

START_TEST(claim_touches_no_other_slot)
{
	struct snapshot before = snapshot_take();

	claim();
	before.slots[meta_to_pfn(some_slot()).index] = *some_slot();
	snapshot_check(&before);
}
END_TEST

START_TEST(claim_reaches_the_last_frame)
{
	frame_t frame;

	ck_assert_uint_eq(claim_into(paddr(SMALL_MACHINE_SIZE - PAGE_SIZE), &frame), FRAME_OK);
}
END_TEST

START_TEST(claim_of_a_shared_frame_is_refused)
{
	assert_refused_in_state(claim_into, SOME_REFS, FRAME_IN_USE);
}
END_TEST

START_TEST(claim_of_a_busy_frame_is_refused)
{
	assert_refused_in_state(claim_into, REF_BUSY, FRAME_BUSY);
}
END_TEST

START_TEST(claim_of_a_unique_frame_is_refused)
{
	assert_refused_in_state(claim_into, REF_UNIQUE, FRAME_UNIQUE);
}
END_TEST

START_TEST(claim_of_a_host_frame_is_refused)
{
	assert_refused_in_state(claim_into, REF_HOST, FRAME_HOST);
}
END_TEST

START_TEST(claim_of_the_array_itself_is_refused)
{
	assert_refused(claim_into, machine.array.base, FRAME_IN_USE);
}
END_TEST

START_TEST(claim_past_the_end_is_refused)
{
	assert_refused(claim_into, BEYOND, FRAME_OUT_OF_BOUND);
	assert_refused(claim_into, paddr(align_down(UINT64_MAX, PAGE_SIZE)), FRAME_OUT_OF_BOUND);
}
END_TEST

START_TEST(claim_inside_a_frame_is_refused)
{
	assert_refused(claim_into, MISALIGNED, FRAME_NOT_ALIGNED);
	assert_refused(claim_into, paddr(UINT64_MAX), FRAME_NOT_ALIGNED);
}
END_TEST

START_TEST(from_in_use_adds_a_reference)
{
	frame_t first = claim();
	frame_t second = FRAME_NONE;

	ck_assert_uint_eq(frame_from_in_use(some_unused_frame(), &second), FRAME_OK);
	ck_assert_ptr_eq(second.slot, first.slot);
	ck_assert_uint_eq(frame_references(first), 2);
}
END_TEST

START_TEST(from_in_use_of_an_unused_frame_is_refused)
{
	assert_refused_in_state(frame_from_in_use, REF_UNUSED, FRAME_UNUSED);
}
END_TEST

START_TEST(from_in_use_of_a_busy_frame_is_refused)
{
	assert_refused_in_state(frame_from_in_use, REF_BUSY, FRAME_BUSY);
}
END_TEST

START_TEST(from_in_use_of_a_unique_frame_is_refused)
{
	assert_refused_in_state(frame_from_in_use, REF_UNIQUE, FRAME_UNIQUE);
}
END_TEST

START_TEST(from_in_use_of_a_host_frame_is_refused)
{
	assert_refused_in_state(frame_from_in_use, REF_HOST, FRAME_HOST);
}
END_TEST

START_TEST(from_in_use_past_the_end_is_refused)
{
	assert_refused(frame_from_in_use, BEYOND, FRAME_OUT_OF_BOUND);
}
END_TEST

START_TEST(from_in_use_inside_a_frame_is_refused)
{
	claim();
	assert_refused(frame_from_in_use, MISALIGNED, FRAME_NOT_ALIGNED);
}
END_TEST

START_TEST(nothing_is_in_bound_before_meta_init)
{
	frame_t out;

	machine_destroy();
	ck_assert_uint_eq(frame_from_in_use(paddr(0), &out), FRAME_OUT_OF_BOUND);
	ck_assert_uint_eq(claim_into(paddr(0), &out), FRAME_OUT_OF_BOUND);
}
END_TEST

START_TEST(get_and_put_count_references)
{
	frame_t frame = claim();
	frame_t clone = frame_get(frame);

	ck_assert_ptr_eq(clone.slot, frame.slot);
	ck_assert_uint_eq(frame_references(frame), 2);
	ck_assert(!frame_put(clone));
	ck_assert_uint_eq(frame_references(frame), 1);
	ck_assert_mem_eq(frame_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(unique_frame_has_one_reference)
{
	frame_t frame = claim();

	ck_assert(slot_unshare(frame.slot));
	ck_assert_uint_eq(frame_references(frame), 1);
}
END_TEST

START_TEST(last_put_leaves_the_slot_unused)
{
	frame_t frame = claim();
	uint32_t generation = slot_state_generation(slot_load(frame.slot));

	ck_assert(frame_put(frame));
	ck_assert_uint_eq(frame.slot->state, slot_state(generation, REF_UNUSED));
	ck_assert(!meta_type_is_valid(frame.slot->vtable_ptr));
}
END_TEST

START_TEST(last_put_gives_the_frame_to_the_allocator)
{
	const paddr_t start = meta_to_frame(some_slot());
	pfn_t taken;

	ck_assert_int_eq(frame_alloc_add(start, paddr(start.addr + PAGE_SIZE)), FRAME_ADD_OK);
	ck_assert(frame_alloc_take(1, 1, &taken));
	ck_assert_uint_eq(count_free(), 0);
	frame_put(claim());
	ck_assert_uint_eq(count_free(), 1);

	frame_t again = frame_alloc(stamp, &stamp);

	ck_assert_ptr_eq(again.slot, some_slot());
}
END_TEST

START_TEST(put_that_is_not_the_last_keeps_the_frame)
{
	frame_t frame = frame_get(claim());

	ck_assert(!frame_put(frame));
	ck_assert_uint_eq(count_free(), 0);
}
END_TEST

START_TEST(frame_of_a_type_without_on_drop_can_be_dropped)
{
	ck_assert_ptr_null(meta_type_stamp.on_drop);
	ck_assert(frame_put(claim()));
}
END_TEST

/* Each of these must abort. */
START_TEST(metadata_as_another_type_aborts)
{
	(void)frame_meta(claim(), node);
}
END_TEST

START_TEST(metadata_of_an_unused_frame_aborts)
{
	(void)frame_meta((frame_t){some_slot()}, stamp);
}
END_TEST

START_TEST(drop_with_a_wild_vtable_aborts)
{
	frame_t frame = claim();

	frame.slot->vtable_ptr = WILD_POINTER;
	frame_put(frame);
}
END_TEST

/* The CPU must not have dropped anything before. */
START_TEST(drop_with_a_null_vtable_aborts)
{
	frame_t frame = claim();

	frame.slot->vtable_ptr = 0;
	frame_put(frame);
}
END_TEST

START_TEST(drop_with_a_misaligned_vtable_aborts)
{
	frame_t frame = claim();

	frame.slot->vtable_ptr += 1;
	frame_put(frame);
}
END_TEST

START_TEST(put_too_many_aborts)
{
	frame_t frame = claim();

	frame_put(frame);
	frame_put(frame);
}
END_TEST

START_TEST(claim_of_an_illegal_state_aborts)
{
	some_slot()->state = slot_state(GENERATION, ILLEGAL_REFS);
	claim();
}
END_TEST

START_TEST(from_in_use_of_an_illegal_state_aborts)
{
	frame_t out;

	some_slot()->state = slot_state(GENERATION, ILLEGAL_REFS);
	CALL_FOR_ABORT(frame_from_in_use(some_unused_frame(), &out));
}
END_TEST

START_TEST(from_in_use_of_the_full_count_aborts)
{
	frame_t out;

	some_slot()->state = slot_state(GENERATION, REF_MAX_HELD);
	CALL_FOR_ABORT(frame_from_in_use(some_unused_frame(), &out));
}
END_TEST

Suite *frame_suite(void)
{
	Suite *suite = suite_create("frame");
	TCase *tcase = tcase_create("frame");

	tcase_add_checked_fixture(tcase, small_machine_setup, machine_destroy);
	TCASE_ADD_TESTS(
		tcase, claim_gives_the_first_reference, claim_starts_a_new_generation,
		claim_touches_no_other_slot, claim_reaches_the_last_frame,
		claim_of_a_shared_frame_is_refused, claim_of_a_busy_frame_is_refused,
		claim_of_a_unique_frame_is_refused, claim_of_a_host_frame_is_refused,
		claim_of_the_array_itself_is_refused, claim_past_the_end_is_refused,
		claim_inside_a_frame_is_refused, from_in_use_adds_a_reference,
		from_in_use_of_an_unused_frame_is_refused, from_in_use_of_a_busy_frame_is_refused,
		from_in_use_of_a_unique_frame_is_refused, from_in_use_of_a_host_frame_is_refused,
		from_in_use_past_the_end_is_refused, from_in_use_inside_a_frame_is_refused,
		nothing_is_in_bound_before_meta_init, get_and_put_count_references,
		unique_frame_has_one_reference, last_put_leaves_the_slot_unused,
		last_put_gives_the_frame_to_the_allocator, put_that_is_not_the_last_keeps_the_frame,
		frame_of_a_type_without_on_drop_can_be_dropped);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(
		suite, small_machine_setup, machine_destroy, metadata_as_another_type_aborts,
		metadata_of_an_unused_frame_aborts, drop_with_a_wild_vtable_aborts,
		drop_with_a_null_vtable_aborts, drop_with_a_misaligned_vtable_aborts,
		put_too_many_aborts, claim_of_an_illegal_state_aborts,
		from_in_use_of_an_illegal_state_aborts, from_in_use_of_the_full_count_aborts);
	return suite;
}
