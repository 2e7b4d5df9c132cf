/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/handle.h: conversions between handles move a reference without counting it, and a failed one
 * changes nothing.
 */
#include "unit/suites.h"

#include "pagemeta/handle.h"
#include "unit/fixture.h"

FRAME_HANDLE(stamp);
FRAME_HANDLE(node);

static const struct stamp_meta stamp = {.a = 1, .b = 2, .c = 3};

static frame_t new_stamp(void)
{
	frame_t frame = frame_alloc(stamp, &stamp);

	ck_assert_ptr_nonnull(frame.slot);
	return frame;
}

START_TEST(typed_handle_is_the_same_reference)
{
	frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();
	stamp_frame_t typed;

	ck_assert(stamp_frame_from(frame, &typed));
	ck_assert_ptr_eq(typed.any.slot, frame.slot);
	snapshot_check(&before);
}
END_TEST

START_TEST(handle_of_another_type_is_refused)
{
	frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();
	struct meta_slot untouched;
	node_frame_t typed = {{&untouched}};

	ck_assert(!node_frame_from(frame, &typed));
	ck_assert_ptr_eq(typed.any.slot, &untouched);
	snapshot_check(&before);
}
END_TEST

START_TEST(handle_of_no_frame_is_refused)
{
	struct meta_slot untouched;
	stamp_frame_t typed = {{&untouched}};

	ck_assert(!stamp_frame_from(FRAME_NONE, &typed));
	ck_assert_ptr_eq(typed.any.slot, &untouched);
}
END_TEST

START_TEST(typed_handle_reads_its_metadata)
{
	stamp_frame_t typed;

	ck_assert(stamp_frame_from(new_stamp(), &typed));
	ck_assert_mem_eq(stamp_frame_meta(typed), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(typed_get_and_put_count)
{
	stamp_frame_t typed;

	ck_assert(stamp_frame_from(new_stamp(), &typed));

	stamp_frame_t second = stamp_frame_get(typed);

	ck_assert_uint_eq(frame_references(typed.any), 2);
	ck_assert(!stamp_frame_put(second));
	ck_assert(stamp_frame_put(typed));
	ck_assert_uint_eq(slot_state_refs(slot_load(typed.any.slot)), REF_UNUSED);
}
END_TEST

START_TEST(borrowing_does_not_count)
{
	frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();
	frame_borrow_t borrow = frame_borrow(frame);

	ck_assert_uint_eq(frame_borrow_paddr(borrow).addr, frame_paddr(frame).addr);
	ck_assert_ptr_eq(frame_borrow_type(borrow), &meta_type_stamp);
	ck_assert_mem_eq(frame_borrow_meta(borrow, stamp), &stamp, sizeof(stamp));
	snapshot_check(&before);
}
END_TEST

START_TEST(borrower_can_take_a_reference)
{
	frame_t frame = new_stamp();
	frame_t mine = frame_borrow_get(frame_borrow(frame));

	ck_assert_ptr_eq(mine.slot, frame.slot);
	ck_assert_uint_eq(frame_references(frame), 2);
}
END_TEST

START_TEST(raw_and_back_is_the_same_reference)
{
	frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();
	paddr_t raw = frame_into_raw(frame);

	ck_assert_uint_eq(raw.addr, frame_paddr(frame).addr);
	ck_assert_ptr_eq(frame_from_raw(raw).slot, frame.slot);
	snapshot_check(&before);
}
END_TEST

/* Each of these must abort. */
START_TEST(borrowed_metadata_as_another_type_aborts)
{
	(void)frame_borrow_meta(frame_borrow(new_stamp()), node);
}
END_TEST

START_TEST(raw_unused_frame_aborts)
{
	(void)frame_from_raw(some_unused_frame());
}
END_TEST

START_TEST(raw_unique_frame_aborts)
{
	frame_t frame = new_stamp();

	ck_assert(slot_unshare(frame.slot));
	(void)frame_from_raw(frame_paddr(frame));
}
END_TEST

START_TEST(raw_frame_past_the_end_aborts)
{
	(void)frame_from_raw(paddr(SMALL_MACHINE_SIZE));
}
END_TEST

START_TEST(raw_address_inside_a_frame_aborts)
{
	(void)frame_from_raw(paddr(frame_paddr(new_stamp()).addr + 1));
}
END_TEST

Suite *handle_suite(void)
{
	Suite *suite = suite_create("handle");
	TCase *tcase = tcase_create("handle");

	tcase_add_checked_fixture(tcase, small_allocator_setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, typed_handle_is_the_same_reference,
			handle_of_another_type_is_refused, handle_of_no_frame_is_refused,
			typed_handle_reads_its_metadata, typed_get_and_put_count,
			borrowing_does_not_count, borrower_can_take_a_reference,
			raw_and_back_is_the_same_reference);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, small_allocator_setup, machine_destroy,
			      borrowed_metadata_as_another_type_aborts, raw_unused_frame_aborts,
			      raw_unique_frame_aborts, raw_frame_past_the_end_aborts,
			      raw_address_inside_a_frame_aborts);
	return suite;
}
