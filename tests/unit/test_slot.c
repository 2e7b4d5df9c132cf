/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/slot.h and pagevisor/slot.h: every transition of the state word, its generation arithmetic, and
 * every refusal, which must change nothing. Aborts are in test_slot_abort.c.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/slot.h"
#include "unit/fixture.h"

#define GENERATION      UINT32_C(41)
#define LAST_GENERATION UINT32_MAX
#define STORAGE_BYTE    0x5a
#define VTABLE          UINT64_C(0x1234)
#define SOME_REFS       UINT32_C(7)

static struct meta_slot slot;

static void setup(void)
{
	memset(slot.storage, STORAGE_BYTE, sizeof(slot.storage));
	slot.vtable_ptr = VTABLE;
}

static void put_in_state(uint32_t generation, uint32_t refs)
{
	slot.state = slot_state(generation, refs);
}

static void assert_state(uint32_t generation, uint32_t refs)
{
	ck_assert_uint_eq(slot_state_refs(slot.state), refs);
	ck_assert_uint_eq(slot_state_generation(slot.state), generation);
}

/* No transition of the state may touch the part that belongs to the slot's owner. */
static void assert_contents_kept(void)
{
	const uint8_t *bytes = (const uint8_t *)slot.storage;

	for (size_t i = 0; i < SLOT_STORAGE_SIZE; i++)
		ck_assert_uint_eq(bytes[i], STORAGE_BYTE);
	ck_assert_uint_eq(slot.vtable_ptr, VTABLE);
}

static const struct {
	uint32_t refs;
	enum ref_class class;
	bool in_use;
} boundaries[] = {
	{REF_BUSY, REF_CLASS_BUSY, false},
	{1, REF_CLASS_SHARED, true},
	{2, REF_CLASS_SHARED, true},
	{REF_MAX_HELD - 1, REF_CLASS_SHARED, true},
	{REF_MAX_HELD, REF_CLASS_SHARED, true},
	{REF_MAX_HELD + 1, REF_CLASS_ILLEGAL, false},
	{REF_MAX_HELD + 2, REF_CLASS_ILLEGAL, false},
	{REF_UNIQUE - 1, REF_CLASS_ILLEGAL, false},
	{REF_UNIQUE, REF_CLASS_UNIQUE, true},
	{REF_UNIQUE + 1, REF_CLASS_ILLEGAL, false},
	{REF_HOST - 1, REF_CLASS_ILLEGAL, false},
	{REF_HOST, REF_CLASS_HOST, false},
	{REF_HOST + 1, REF_CLASS_ILLEGAL, false},
	{REF_UNUSED - 1, REF_CLASS_ILLEGAL, false},
	{REF_UNUSED, REF_CLASS_UNUSED, false},
};

#define BOUNDARY_COUNT (sizeof(boundaries) / sizeof(boundaries[0]))

START_TEST(every_count_has_one_class)
{
	for (size_t i = 0; i < BOUNDARY_COUNT; i++) {
		ck_assert_uint_eq(ref_classify(boundaries[i].refs), boundaries[i].class);
		ck_assert_int_eq(ref_in_use(boundaries[i].refs), boundaries[i].in_use);
	}
}
END_TEST

START_TEST(every_class_has_a_name)
{
	for (unsigned i = 0; i < REF_CLASS_COUNT; i++)
		ck_assert_ptr_nonnull(ref_class_name((enum ref_class)i));
}
END_TEST

START_TEST(a_slot_of_ones_reads_unused)
{
	memset(&slot, 0xff, sizeof(slot));
	ck_assert_uint_eq(ref_classify(slot_state_refs(slot_load(&slot))), REF_CLASS_UNUSED);
}
END_TEST

START_TEST(state_word_has_the_count_in_bytes_52_to_55)
{
	uint32_t words[2];

	put_in_state(GENERATION, SOME_REFS);
	memcpy(words, (const uint8_t *)&slot + offsetof(struct meta_slot, state), sizeof(words));
	ck_assert_uint_eq(words[0], GENERATION);
	ck_assert_uint_eq(words[1], SOME_REFS);
}
END_TEST

START_TEST(claim_makes_busy_with_a_new_generation)
{
	uint64_t busy;

	put_in_state(GENERATION, REF_UNUSED);
	ck_assert_uint_eq(slot_claim_begin(&slot, &busy), REF_CLASS_UNUSED);
	ck_assert_uint_eq(busy, slot.state);
	assert_state(GENERATION + 1, REF_BUSY);
	assert_contents_kept();
}
END_TEST

START_TEST(claim_wraps_the_generation_without_carry)
{
	uint64_t busy;

	put_in_state(LAST_GENERATION, REF_UNUSED);
	ck_assert_uint_eq(slot_claim_begin(&slot, &busy), REF_CLASS_UNUSED);
	ck_assert_uint_eq(busy, slot.state);
	assert_state(0, REF_BUSY);
}
END_TEST

START_TEST(claim_of_anything_but_unused_changes_nothing)
{
	for (size_t i = 0; i < BOUNDARY_COUNT; i++) {
		if (boundaries[i].class == REF_CLASS_UNUSED)
			continue;
		put_in_state(LAST_GENERATION, boundaries[i].refs);
		ck_assert_uint_eq(slot_claim_begin(&slot, &(uint64_t){0}), boundaries[i].class);
		assert_state(LAST_GENERATION, boundaries[i].refs);
		assert_contents_kept();
	}
}
END_TEST

START_TEST(publish_keeps_the_generation)
{
	put_in_state(GENERATION, REF_BUSY);
	slot_publish(&slot, slot.state, 1);
	assert_state(GENERATION, 1);
	put_in_state(LAST_GENERATION, REF_BUSY);
	slot_publish(&slot, slot.state, REF_UNIQUE);
	assert_state(LAST_GENERATION, REF_UNIQUE);
	assert_contents_kept();
}
END_TEST

START_TEST(get_adds_one_reference)
{
	put_in_state(LAST_GENERATION, 1);
	slot_get(&slot);
	assert_state(LAST_GENERATION, 2);
	assert_contents_kept();
}
END_TEST

START_TEST(get_reaches_the_largest_count)
{
	put_in_state(GENERATION, REF_MAX_HELD - 1);
	slot_get(&slot);
	assert_state(GENERATION, REF_MAX_HELD);
}
END_TEST

START_TEST(try_get_adds_one_reference)
{
	put_in_state(LAST_GENERATION, SOME_REFS);
	ck_assert_uint_eq(slot_try_get(&slot), REF_CLASS_SHARED);
	assert_state(LAST_GENERATION, SOME_REFS + 1);
	assert_contents_kept();
}
END_TEST

START_TEST(try_get_reaches_the_largest_count)
{
	put_in_state(GENERATION, REF_MAX_HELD - 1);
	ck_assert_uint_eq(slot_try_get(&slot), REF_CLASS_SHARED);
	assert_state(GENERATION, REF_MAX_HELD);
}
END_TEST

START_TEST(try_get_of_what_is_not_shared_changes_nothing)
{
	static const uint32_t refused[] = {REF_UNUSED, REF_BUSY, REF_UNIQUE, REF_HOST};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		put_in_state(LAST_GENERATION, refused[i]);
		ck_assert_uint_eq(slot_try_get(&slot), ref_classify(refused[i]));
		assert_state(LAST_GENERATION, refused[i]);
		assert_contents_kept();
	}
}
END_TEST

START_TEST(put_takes_one_reference)
{
	put_in_state(0, SOME_REFS);
	ck_assert(!slot_put(&slot, &(uint64_t){0}));
	assert_state(0, SOME_REFS - 1);
	assert_contents_kept();
}
END_TEST

START_TEST(put_of_the_largest_count_is_no_abort)
{
	put_in_state(GENERATION, REF_MAX_HELD);
	ck_assert(!slot_put(&slot, &(uint64_t){0}));
	assert_state(GENERATION, REF_MAX_HELD - 1);
}
END_TEST

START_TEST(last_put_makes_busy)
{
	uint64_t busy;

	put_in_state(GENERATION, 1);
	ck_assert(slot_put(&slot, &busy));
	assert_state(GENERATION, REF_BUSY);
	ck_assert_uint_eq(busy, slot.state);
	assert_contents_kept();
}
END_TEST

START_TEST(last_put_of_generation_zero_does_not_borrow)
{
	uint64_t busy;

	put_in_state(0, 1);
	ck_assert(slot_put(&slot, &busy));
	assert_state(0, REF_BUSY);
	ck_assert_uint_eq(busy, slot.state);
}
END_TEST

START_TEST(reset_makes_unused_and_keeps_the_generation)
{
	put_in_state(LAST_GENERATION, REF_BUSY);
	slot_reset(&slot, slot.state);
	assert_state(LAST_GENERATION, REF_UNUSED);
	assert_contents_kept();
}
END_TEST

START_TEST(change_makes_busy_with_a_new_generation)
{
	put_in_state(GENERATION, REF_UNIQUE);
	ck_assert_uint_eq(slot_change_begin(&slot), slot_state(GENERATION + 1, REF_BUSY));
	assert_state(GENERATION + 1, REF_BUSY);
	assert_contents_kept();
}
END_TEST

START_TEST(change_wraps_the_generation_without_carry)
{
	put_in_state(LAST_GENERATION, REF_UNIQUE);
	slot_change_begin(&slot);
	assert_state(0, REF_BUSY);
}
END_TEST

START_TEST(unique_drop_makes_busy_and_keeps_the_generation)
{
	put_in_state(GENERATION, REF_UNIQUE);
	ck_assert_uint_eq(slot_unique_drop(&slot), slot_state(GENERATION, REF_BUSY));
	assert_state(GENERATION, REF_BUSY);
	assert_contents_kept();
}
END_TEST

START_TEST(share_makes_one_reference)
{
	put_in_state(GENERATION, REF_UNIQUE);
	slot_share(&slot);
	assert_state(GENERATION, 1);
	assert_contents_kept();
}
END_TEST

START_TEST(unshare_of_the_only_reference_makes_unique)
{
	put_in_state(GENERATION, 1);
	ck_assert(slot_unshare(&slot));
	assert_state(GENERATION, REF_UNIQUE);
	assert_contents_kept();
}
END_TEST

START_TEST(unshare_of_anything_else_changes_nothing)
{
	for (size_t i = 0; i < BOUNDARY_COUNT; i++) {
		if (boundaries[i].refs == 1)
			continue;
		put_in_state(GENERATION, boundaries[i].refs);
		ck_assert(!slot_unshare(&slot));
		assert_state(GENERATION, boundaries[i].refs);
	}
}
END_TEST

START_TEST(host_claim_takes_an_unused_slot)
{
	put_in_state(LAST_GENERATION, REF_UNUSED);
	ck_assert(slot_host_claim(&slot));
	assert_state(0, REF_HOST);
	/* The allocator keeps its links there. */
	assert_contents_kept();
}
END_TEST

START_TEST(host_claim_of_anything_but_unused_changes_nothing)
{
	for (size_t i = 0; i < BOUNDARY_COUNT; i++) {
		if (boundaries[i].class == REF_CLASS_UNUSED)
			continue;
		put_in_state(GENERATION, boundaries[i].refs);
		ck_assert(!slot_host_claim(&slot));
		assert_state(GENERATION, boundaries[i].refs);
	}
}
END_TEST

START_TEST(host_release_makes_unused_and_keeps_the_generation)
{
	put_in_state(LAST_GENERATION, REF_HOST);
	ck_assert(slot_host_release(&slot));
	assert_state(LAST_GENERATION, REF_UNUSED);
	assert_contents_kept();
}
END_TEST

START_TEST(host_release_of_anything_but_host_changes_nothing)
{
	for (size_t i = 0; i < BOUNDARY_COUNT; i++) {
		if (boundaries[i].class == REF_CLASS_HOST)
			continue;
		put_in_state(GENERATION, boundaries[i].refs);
		ck_assert(!slot_host_release(&slot));
		assert_state(GENERATION, boundaries[i].refs);
	}
}
END_TEST

Suite *slot_suite(void)
{
	Suite *suite = suite_create("slot");
	TCase *tcase = tcase_create("transitions");

	tcase_add_checked_fixture(tcase, setup, NULL);
	TCASE_ADD_TESTS(
		tcase, every_count_has_one_class, every_class_has_a_name,
		a_slot_of_ones_reads_unused, state_word_has_the_count_in_bytes_52_to_55,
		claim_makes_busy_with_a_new_generation, claim_wraps_the_generation_without_carry,
		claim_of_anything_but_unused_changes_nothing, publish_keeps_the_generation,
		get_adds_one_reference, get_reaches_the_largest_count, try_get_adds_one_reference,
		try_get_reaches_the_largest_count, try_get_of_what_is_not_shared_changes_nothing,
		put_takes_one_reference, put_of_the_largest_count_is_no_abort, last_put_makes_busy,
		last_put_of_generation_zero_does_not_borrow,
		reset_makes_unused_and_keeps_the_generation,
		change_makes_busy_with_a_new_generation, change_wraps_the_generation_without_carry,
		unique_drop_makes_busy_and_keeps_the_generation, share_makes_one_reference,
		unshare_of_the_only_reference_makes_unique,
		unshare_of_anything_else_changes_nothing, host_claim_takes_an_unused_slot,
		host_claim_of_anything_but_unused_changes_nothing,
		host_release_makes_unused_and_keeps_the_generation,
		host_release_of_anything_but_host_changes_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
