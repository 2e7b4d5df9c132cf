/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of what the owner of a unique frame may do without a drop or without the type's name: unique_reset, and
 * metadata of a type known only at run time.
 */
#include "unit/suites.h"

#include <signal.h>
#include <stdio.h>

#include "pagemeta/unique.h"
#include "unit/fixture.h"

/* Ends in the middle of a word. */
struct short_meta {
	uint64_t first;
	uint8_t tail[5];
};
META_TYPE(short);

static const struct stamp_meta stamp = {.a = 1, .b = 2, .c = 3};
static unsigned drops;

static void setup(void)
{
	small_allocator_setup();
	drops = 0;
}

static void count_drop(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)meta;
	(void)bytes;
	drops++;
}

static unique_frame_t new_short(void)
{
	const struct short_meta meta = {.first = 1, .tail = {2, 3, 4, 5, 6}};

	return unique_alloc(short, &meta);
}

START_TEST(reset_frame_is_unused_and_nobodys)
{
	unique_frame_t frame = unique_alloc(stamp, &stamp);
	struct snapshot before = snapshot_take();
	struct meta_slot *expected = &before.slots[meta_to_pfn(frame.slot).index];
	uint64_t free_before = count_free();
	paddr_t address = unique_paddr(frame);
	frame_t out;

	ck_assert_uint_eq(unique_reset(frame).addr, address.addr);
	expected->state = slot_state(slot_state_generation(expected->state), REF_UNUSED);
	expected->vtable_ptr = 0;
	snapshot_check(&before);
	ck_assert_uint_eq(count_free(), free_before);
	ck_assert_uint_eq(frame_from_in_use(address, &out), FRAME_UNUSED);
}
END_TEST

START_TEST(reset_runs_no_on_drop)
{
	frame_t child = node_alloc(1, FRAME_NONE, FRAME_NONE);
	const struct node_meta meta = {.id = 2, .left = (uintptr_t)child.slot};
	paddr_t address;

	node_on_drop = count_drop;
	address = unique_reset(unique_alloc(node, &meta));
	ck_assert_uint_eq(drops, 0);
	/* What the metadata held is the caller's. */
	ck_assert_uint_eq(frame_references(child), 1);
	ck_assert(frame_put(child));
	frame_alloc_give(paddr_to_pfn(address), 1);
}
END_TEST

START_TEST(reset_frame_can_be_claimed_by_its_address)
{
	unique_frame_t frame = unique_alloc(stamp, &stamp);
	uint32_t generation = slot_state_generation(slot_load(frame.slot));
	const struct node_meta meta = {.id = 3};
	unique_frame_t again;

	ck_assert_uint_eq(unique_claim(node, unique_reset(frame), &meta, &again), FRAME_OK);
	ck_assert_ptr_eq(again.slot, frame.slot);
	ck_assert_uint_eq(slot_load(again.slot), slot_state(generation + 1, REF_UNIQUE));
	ck_assert_uint_eq(unique_meta(again, node)->id, 3);
}
END_TEST

START_TEST(reset_frame_can_be_given_to_the_allocator)
{
	uint64_t free_before = count_free();
	unique_frame_t frame = unique_alloc(stamp, &stamp);

	frame_alloc_give(paddr_to_pfn(unique_reset(frame)), 1);
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

START_TEST(frame_of_no_allocator_can_be_added_after_its_reset)
{
	frame_alloc_init(&(struct region_list){0});

	paddr_t address = some_unused_frame();
	unique_frame_t frame;

	ck_assert_uint_eq(unique_claim(stamp, address, &stamp, &frame), FRAME_OK);
	ck_assert_uint_eq(unique_reset(frame).addr, address.addr);
	ck_assert_uint_eq(frame_alloc_add(address, paddr(address.addr + PAGE_SIZE)), FRAME_ADD_OK);
	ck_assert_uint_eq(count_free(), 1);
}
END_TEST

START_TEST(host_may_come_first_after_a_reset)
{
	uint64_t free_before = count_free();
	unique_frame_t frame = unique_alloc(stamp, &stamp);
	paddr_t address = unique_reset(frame);
	unique_frame_t again = UNIQUE_NONE;

	ck_assert(slot_host_claim(frame.slot));
	ck_assert_uint_eq(unique_claim(stamp, address, &stamp, &again), FRAME_HOST);
	ck_assert_ptr_null(again.slot);
	frame_alloc_put_aside(paddr_to_pfn(address));
	ck_assert(host_release(frame.slot));

	/* Listed again when memory is looked for. */
	uint64_t got = 0;

	while (frame_alloc(stamp, &stamp).slot)
		got++;
	ck_assert_uint_eq(got, free_before);
}
END_TEST

START_TEST(metadata_of_any_type_is_read_with_its_size)
{
	unique_frame_t frame = new_short();
	size_t size = 0;

	ck_assert_ptr_eq(unique_meta_any(frame, &size), frame.slot->storage);
	ck_assert_uint_eq(size, sizeof(struct short_meta));
	ck_assert_ptr_eq(frame_borrow_meta_any(unique_borrow(frame), &size), frame.slot->storage);
}
END_TEST

START_TEST(metadata_of_any_type_is_written_within_its_size)
{
	unique_frame_t frame = new_short();
	const uint8_t expected[] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 50, 60, 0, 0, 0};
	uint32_t generation = slot_state_generation(slot_load(frame.slot));
	const uint8_t bytes[] = {50, 60};

	unique_begin(frame);
	ck_assert(unique_write_any(frame, offsetof(struct short_meta, tail) + 3, bytes,
				   sizeof(bytes)));
	unique_end(frame);
	ck_assert_uint_eq(slot_load(frame.slot), slot_state(generation + 1, REF_UNIQUE));
	ck_assert_mem_eq(frame.slot->storage, expected, sizeof(expected));
}
END_TEST

START_TEST(writes_past_the_type_change_nothing)
{
	const size_t size = sizeof(struct short_meta);
	static const struct {
		size_t offset, size;
		bool fits;
	} cases[] = {
		{0, sizeof(struct short_meta) + 1, false},
		{sizeof(struct short_meta), 1, false},
		{sizeof(struct short_meta) + 1, 0, false},
		{1, SIZE_MAX, false},
		{SIZE_MAX, 1, false},
		{sizeof(struct short_meta), 0, true},
		{0, 0, true},
	};
	const uint8_t bytes[SLOT_STORAGE_SIZE] = {0xee};
	unique_frame_t frame = new_short();

	ck_assert_uint_lt(size, SLOT_STORAGE_SIZE);
	unique_begin(frame);

	struct snapshot before = snapshot_take();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(unique_write_any(frame, cases[i].offset, bytes, cases[i].size),
				 cases[i].fits);
	snapshot_check(&before);
	unique_end(frame);
}
END_TEST

/* Each of these must abort. */
START_TEST(reset_of_a_shared_frame_aborts)
{
	frame_t frame = frame_alloc(stamp, &stamp);

	frame_alloc_give(paddr_to_pfn(unique_reset((unique_frame_t){frame.slot})), 1);
}
END_TEST

START_TEST(reset_inside_a_bracket_aborts)
{
	unique_frame_t frame = unique_alloc(stamp, &stamp);

	unique_begin(frame);
	frame_alloc_give(paddr_to_pfn(unique_reset(frame)), 1);
}
END_TEST

START_TEST(second_reset_aborts)
{
	unique_frame_t frame = unique_alloc(stamp, &stamp);
	paddr_t address = unique_reset(frame);

	ck_assert_uint_eq(unique_reset(frame).addr, address.addr);
}
END_TEST

START_TEST(write_of_any_type_outside_of_a_bracket_aborts)
{
	ck_assert(unique_write_any(new_short(), 0, &stamp, 1));
}
END_TEST

START_TEST(metadata_behind_a_wild_vtable_aborts)
{
	unique_frame_t frame = new_short();
	size_t size;

	frame.slot->vtable_ptr++;
	(void)unique_meta_any(frame, &size);
}
END_TEST

static void use_nothing(int which)
{
	unique_frame_t frame = UNIQUE_NONE;
	size_t size;

	switch (which) {
	case 0:
		unique_drop(frame);
		break;
	case 1:
		frame_put(unique_share(frame));
		break;
	case 2:
		unique_begin(frame);
		break;
	case 3:
		unique_end(frame);
		break;
	case 4:
		unique_set(frame, stamp, a, 1);
		break;
	case 5:
		unique_change(frame, stamp, &stamp);
		break;
	case 6:
		unique_replace(frame, stamp, &stamp);
		break;
	case 7:
		ck_assert_uint_eq(unique_into_raw(frame).addr, 0);
		break;
	case 8:
		ck_assert_uint_eq(unique_reset(frame).addr, 0);
		break;
	case 9:
		ck_assert(unique_from_shared(FRAME_NONE, &frame));
		break;
	case 10:
		(void)unique_meta(frame, stamp);
		break;
	case 11:
		(void)unique_meta_any(frame, &size);
		break;
	case 12:
		(void)unique_type(frame);
		break;
	default:
		ck_assert(unique_write_any(frame, 0, &stamp, 1));
	}
}
#define USES_OF_NOTHING 14

/* With a message of the library, not by an access through NULL. */
START_TEST(no_frame_aborts)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	use_nothing(_i);
}
END_TEST

START_TEST(no_frame_lends_none)
{
	ck_assert_ptr_null(unique_borrow(UNIQUE_NONE).slot);
}
END_TEST

static void add_uses_of_nothing(Suite *suite)
{
	if (!can_fork())
		return;

	TCase *tcase = tcase_create("no frame");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_add_loop_test_raise_signal(tcase, no_frame_aborts, SIGABRT, 0, USES_OF_NOTHING);
	suite_add_tcase(suite, tcase);
}

Suite *unique_reset_suite(void)
{
	Suite *suite = suite_create("unique_reset");
	TCase *tcase = tcase_create("unique_reset");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, reset_frame_is_unused_and_nobodys, reset_runs_no_on_drop,
			reset_frame_can_be_claimed_by_its_address,
			reset_frame_can_be_given_to_the_allocator,
			frame_of_no_allocator_can_be_added_after_its_reset,
			host_may_come_first_after_a_reset,
			metadata_of_any_type_is_read_with_its_size,
			metadata_of_any_type_is_written_within_its_size,
			writes_past_the_type_change_nothing, no_frame_lends_none);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, setup, machine_destroy, reset_of_a_shared_frame_aborts,
			      reset_inside_a_bracket_aborts, second_reset_aborts,
			      write_of_any_type_outside_of_a_bracket_aborts,
			      metadata_behind_a_wild_vtable_aborts);
	add_uses_of_nothing(suite);
	return suite;
}
