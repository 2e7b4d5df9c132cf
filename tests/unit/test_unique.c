/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/unique.h: one owner, changes in place that advance the generation, the change of type, and the
 * transitions between unique and shared.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/unique.h"
#include "unit/fixture.h"

/* Members of several sizes, one of them crossing the border of two words. */
struct odd_meta {
	uint8_t byte;
	uint16_t half;
	uint32_t word;
	uint8_t text[11];
	uint8_t last;
};
META_TYPE(odd);

static const struct stamp_meta stamp = {.a = 1, .b = 2, .c = 3};
static const struct stamp_meta other = {.a = 4, .b = 5, .c = 6};

/* What the on_drop of a node saw. */
static struct {
	unsigned calls;
	struct node_meta meta;
	struct meta_slot *watched;
	uint64_t state;
	uint64_t watched_word;
} seen;

static void setup(void)
{
	small_allocator_setup();
	memset(&seen, 0, sizeof(seen));
}

static uint64_t state_of(unique_frame_t frame)
{
	return slot_load(frame.slot);
}

static uint32_t generation_of(unique_frame_t frame)
{
	return slot_state_generation(state_of(frame));
}

static unique_frame_t new_stamp(void)
{
	unique_frame_t frame = unique_alloc(stamp, &stamp);

	ck_assert_ptr_nonnull(frame.slot);
	return frame;
}

static unique_frame_t new_node(frame_t left)
{
	const struct node_meta meta = {.id = 7, .left = (uintptr_t)left.slot};

	return unique_alloc(node, &meta);
}

START_TEST(allocated_frame_is_unique)
{
	unique_frame_t frame = new_stamp();

	ck_assert_uint_eq(slot_state_refs(state_of(frame)), REF_UNIQUE);
	ck_assert_ptr_eq(unique_type(frame), &meta_type_stamp);
	ck_assert_mem_eq(unique_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(no_memory_gives_no_frame)
{
	frame_alloc_init(&(struct region_list){0});

	struct snapshot before = snapshot_take();

	ck_assert_ptr_null(unique_alloc(stamp, &stamp).slot);
	snapshot_check(&before);
}
END_TEST

START_TEST(frame_can_be_claimed_by_address)
{
	unique_frame_t frame;

	frame_alloc_init(&(struct region_list){0});
	ck_assert_uint_eq(unique_claim(stamp, some_unused_frame(), &stamp, &frame), FRAME_OK);
	ck_assert_uint_eq(unique_paddr(frame).addr, some_unused_frame().addr);
	ck_assert_uint_eq(slot_state_refs(state_of(frame)), REF_UNIQUE);
	ck_assert_mem_eq(unique_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(refused_claim_changes_nothing)
{
	unique_frame_t owner = new_stamp();
	struct snapshot before = snapshot_take();
	struct meta_slot untouched;
	unique_frame_t out = {&untouched};

	ck_assert_uint_eq(unique_claim(stamp, unique_paddr(owner), &other, &out), FRAME_UNIQUE);
	ck_assert_uint_eq(unique_claim(stamp, paddr(SMALL_MACHINE_SIZE), &other, &out),
			  FRAME_OUT_OF_BOUND);
	ck_assert_uint_eq(unique_claim(stamp, paddr(1), &other, &out), FRAME_NOT_ALIGNED);
	ck_assert_ptr_eq(out.slot, &untouched);
	snapshot_check(&before);
}
END_TEST

START_TEST(nobody_joins_a_unique_frame)
{
	unique_frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();
	frame_t out;

	ck_assert_uint_eq(frame_from_in_use(unique_paddr(frame), &out), FRAME_UNIQUE);
	snapshot_check(&before);
}
END_TEST

START_TEST(change_in_place_moves_the_generation_once)
{
	unique_frame_t frame = new_stamp();
	uint32_t generation = generation_of(frame);

	unique_begin(frame);
	ck_assert_uint_eq(state_of(frame), slot_state(generation + 1, REF_BUSY));
	unique_set(frame, stamp, a, other.a);
	unique_set(frame, stamp, c, other.c);
	unique_end(frame);
	ck_assert_uint_eq(state_of(frame), slot_state(generation + 1, REF_UNIQUE));
	ck_assert_uint_eq(unique_meta(frame, stamp)->a, other.a);
	ck_assert_uint_eq(unique_meta(frame, stamp)->b, stamp.b);
	ck_assert_uint_eq(unique_meta(frame, stamp)->c, other.c);
}
END_TEST

START_TEST(members_of_any_size_are_set_and_no_other)
{
	const struct odd_meta zero = {0};
	unique_frame_t frame = unique_alloc(odd, &zero);
	struct odd_meta expected = {.byte = 1, .half = 0x203, .word = 0x4050607, .last = 9};

	memcpy(expected.text, "eleven char", sizeof(expected.text));
	unique_begin(frame);
	unique_set(frame, odd, last, expected.last);
	unique_set(frame, odd, byte, expected.byte);
	unique_set(frame, odd, word, expected.word);
	unique_write(frame, &meta_type_odd, offsetof(struct odd_meta, text), expected.text,
		     sizeof(expected.text));
	unique_set(frame, odd, half, expected.half);
	unique_end(frame);
	ck_assert_mem_eq(unique_meta(frame, odd), &expected, sizeof(expected));
}
END_TEST

START_TEST(whole_metadata_is_changed_in_one_generation)
{
	unique_frame_t frame = new_stamp();
	uint32_t generation = generation_of(frame);

	unique_change(frame, stamp, &other);
	ck_assert_uint_eq(state_of(frame), slot_state(generation + 1, REF_UNIQUE));
	ck_assert_mem_eq(unique_meta(frame, stamp), &other, sizeof(other));
}
END_TEST

START_TEST(change_touches_no_other_slot)
{
	unique_frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();

	unique_change(frame, stamp, &other);
	before.slots[meta_to_pfn(frame.slot).index] = *frame.slot;
	snapshot_check(&before);
}
END_TEST

START_TEST(replaced_frame_has_the_new_type)
{
	unique_frame_t frame = new_stamp();
	uint32_t generation = generation_of(frame);
	const struct node_meta meta = {.id = 11};

	unique_replace(frame, node, &meta);
	ck_assert_uint_eq(state_of(frame), slot_state(generation + 1, REF_UNIQUE));
	ck_assert_ptr_eq(unique_type(frame), &meta_type_node);
	ck_assert_mem_eq(unique_meta(frame, node), &meta, sizeof(meta));
}
END_TEST

static void record_drop(const struct node_meta *meta, struct frame_reader *bytes)
{
	(void)bytes;
	seen.calls++;
	seen.meta = *meta;
	if (!seen.watched)
		return;
	seen.state = slot_load(seen.watched);
	seen.watched_word = seen.watched->storage[0];
}

START_TEST(replacing_runs_the_old_on_drop_first)
{
	unique_frame_t frame = new_node(FRAME_NONE);
	uint32_t generation = generation_of(frame);

	node_on_drop = record_drop;
	seen.watched = frame.slot;
	unique_replace(frame, stamp, &stamp);
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert_uint_eq(seen.meta.id, 7);
	ck_assert_uint_eq(seen.state, slot_state(generation + 1, REF_BUSY));
	ck_assert_uint_eq(seen.watched_word, 7);
	ck_assert_mem_eq(unique_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(replacing_drops_what_the_old_metadata_held)
{
	frame_t grandchild = node_alloc(1, FRAME_NONE, FRAME_NONE);
	frame_t child = node_alloc(2, grandchild, FRAME_NONE);
	uint64_t free_before = count_free();

	unique_replace(new_node(child), stamp, &stamp);
	ck_assert_uint_eq(slot_state_refs(slot_load(child.slot)), REF_UNUSED);
	ck_assert_uint_eq(slot_state_refs(slot_load(grandchild.slot)), REF_UNUSED);
	/* Two came back; the node's own frame is still held. */
	ck_assert_uint_eq(count_free(), free_before + 1);
}
END_TEST

START_TEST(dropping_runs_on_drop_and_frees)
{
	uint64_t free_before = count_free();
	unique_frame_t frame = new_node(node_alloc(1, FRAME_NONE, FRAME_NONE));
	uint32_t generation = generation_of(frame);

	node_on_drop = record_drop;
	unique_drop(frame);
	ck_assert_uint_eq(seen.calls, 2);
	ck_assert_uint_eq(state_of(frame), slot_state(generation, REF_UNUSED));
	ck_assert_uint_eq(count_free(), free_before);
}
END_TEST

START_TEST(shared_frame_has_one_reference)
{
	unique_frame_t owner = new_stamp();
	uint32_t generation = generation_of(owner);
	frame_t frame = unique_share(owner);

	ck_assert_uint_eq(slot_load(frame.slot), slot_state(generation, 1));
	ck_assert_mem_eq(frame_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(only_reference_becomes_unique)
{
	frame_t frame = frame_alloc(stamp, &stamp);
	uint32_t generation = slot_state_generation(slot_load(frame.slot));
	unique_frame_t owner;

	ck_assert(unique_from_shared(frame, &owner));
	ck_assert_ptr_eq(owner.slot, frame.slot);
	ck_assert_uint_eq(state_of(owner), slot_state(generation, REF_UNIQUE));
}
END_TEST

START_TEST(one_of_two_references_does_not_become_unique)
{
	frame_t frame = frame_get(frame_alloc(stamp, &stamp));
	struct snapshot before = snapshot_take();
	struct meta_slot untouched;
	unique_frame_t owner = {&untouched};

	ck_assert(!unique_from_shared(frame, &owner));
	ck_assert_ptr_eq(owner.slot, &untouched);
	snapshot_check(&before);
}
END_TEST

START_TEST(raw_and_back_is_the_same_frame)
{
	unique_frame_t frame = new_stamp();
	struct snapshot before = snapshot_take();

	ck_assert_ptr_eq(unique_from_raw(unique_into_raw(frame)).slot, frame.slot);
	snapshot_check(&before);
}
END_TEST

/* Each of these must abort. */
START_TEST(set_outside_of_a_bracket_aborts)
{
	unique_set(new_stamp(), stamp, a, other.a);
}
END_TEST

START_TEST(set_as_another_type_aborts)
{
	unique_frame_t frame = new_stamp();

	unique_begin(frame);
	unique_set(frame, node, id, 1);
}
END_TEST

START_TEST(nested_bracket_aborts)
{
	unique_frame_t frame = new_stamp();

	unique_begin(frame);
	unique_begin(frame);
}
END_TEST

START_TEST(end_without_begin_aborts)
{
	unique_end(new_stamp());
}
END_TEST

START_TEST(share_inside_a_bracket_aborts)
{
	unique_frame_t frame = new_stamp();

	unique_begin(frame);
	CALL_FOR_ABORT(unique_share(frame));
}
END_TEST

START_TEST(change_of_a_shared_frame_aborts)
{
	unique_frame_t frame = new_stamp();

	frame.slot = unique_share(frame).slot;
	unique_change(frame, stamp, &other);
}
END_TEST

START_TEST(change_as_another_type_aborts)
{
	const struct node_meta meta = {0};

	unique_change(new_stamp(), node, &meta);
}
END_TEST

START_TEST(replacement_of_a_shared_frame_aborts)
{
	unique_frame_t frame = new_stamp();

	frame.slot = unique_share(frame).slot;
	unique_replace(frame, stamp, &other);
}
END_TEST

START_TEST(second_drop_aborts)
{
	unique_frame_t frame = new_stamp();

	unique_drop(frame);
	unique_drop(frame);
}
END_TEST

START_TEST(raw_shared_frame_aborts)
{
	CALL_FOR_ABORT(unique_from_raw(frame_paddr(unique_share(new_stamp()))));
}
END_TEST

START_TEST(raw_frame_past_the_end_aborts)
{
	CALL_FOR_ABORT(unique_from_raw(paddr(SMALL_MACHINE_SIZE)));
}
END_TEST

Suite *unique_suite(void)
{
	Suite *suite = suite_create("unique");
	TCase *tcase = tcase_create("unique");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, allocated_frame_is_unique, no_memory_gives_no_frame,
			frame_can_be_claimed_by_address, refused_claim_changes_nothing,
			nobody_joins_a_unique_frame, change_in_place_moves_the_generation_once,
			members_of_any_size_are_set_and_no_other,
			whole_metadata_is_changed_in_one_generation, change_touches_no_other_slot,
			replaced_frame_has_the_new_type, replacing_runs_the_old_on_drop_first,
			replacing_drops_what_the_old_metadata_held, dropping_runs_on_drop_and_frees,
			shared_frame_has_one_reference, only_reference_becomes_unique,
			one_of_two_references_does_not_become_unique,
			raw_and_back_is_the_same_frame);
	suite_add_tcase(suite, tcase);
	SUITE_ADD_ABORT_TESTS(suite, setup, machine_destroy, set_outside_of_a_bracket_aborts,
			      set_as_another_type_aborts, nested_bracket_aborts,
			      end_without_begin_aborts, share_inside_a_bracket_aborts,
			      change_of_a_shared_frame_aborts, change_as_another_type_aborts,
			      replacement_of_a_shared_frame_aborts, second_drop_aborts,
			      raw_shared_frame_aborts, raw_frame_past_the_end_aborts);
	return suite;
}
