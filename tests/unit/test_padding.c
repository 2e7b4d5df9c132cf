/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of META_COPIED: bytes of a type's struct that no member covers are zero in the slot, whatever the caller has there. */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/unique.h"
#include "unit/fixture.h"

/* Padding in the middle and at the end. */
struct padded_meta {
	uint32_t number;
	uint64_t word;
	uint8_t last;
};
META_TYPE(padded);

/* The same members without padding: what the slot must hold. */
struct whole_meta {
	uint32_t number;
	uint32_t zero;
	uint64_t word;
	uint8_t last;
	uint8_t zeroes[7];
};

_Static_assert(sizeof(struct padded_meta) == sizeof(struct whole_meta), "padding where expected");

static const struct whole_meta wanted = {.number = 0x01020304, .word = 0x05060708, .last = 9};
static struct padded_meta soiled;

static void setup(void)
{
	small_machine_setup();
	frame_alloc_init(&machine.array.partition);
	memset(&soiled, 0xaa, sizeof(soiled));
	soiled.number = wanted.number;
	soiled.word = wanted.word;
	soiled.last = wanted.last;
}

static void assert_clean(const struct meta_slot *slot)
{
	ck_assert_mem_eq(slot->storage, &wanted, sizeof(wanted));
}

START_TEST(the_caller_has_garbage)
{
	ck_assert_mem_ne(&soiled, &wanted, sizeof(wanted));
}
END_TEST

START_TEST(alloc_writes_zero)
{
	assert_clean(frame_alloc(padded, &soiled).slot);
	assert_clean(frame_alloc_zeroed(padded, &soiled).slot);
}
END_TEST

/* The names in the caller's arguments are the caller's, whatever the macros call their own variables. */
START_TEST(the_caller_has_a_copy)
{
	struct padded_meta meta_copy = soiled;
	unique_frame_t unique = unique_alloc(padded, &meta_copy);

	assert_clean(frame_alloc(padded, &meta_copy).slot);
	assert_clean(unique.slot);
	meta_copy.number++;
	unique_change(unique, padded, &meta_copy);
	ck_assert_uint_eq(unique_meta(unique, padded)->number, wanted.number + 1);
}
END_TEST

START_TEST(claim_writes_zero)
{
	frame_t freed = frame_alloc(padded, &soiled);
	frame_t frame;
	pfn_t block;

	frame_put(freed);
	ck_assert(frame_alloc_take(1, 1, &block));
	ck_assert_int_eq(frame_claim(padded, pfn_to_paddr(block), &soiled, &frame), FRAME_OK);
	assert_clean(frame.slot);
}
END_TEST

START_TEST(unique_alloc_writes_zero)
{
	unique_frame_t frame = unique_alloc(padded, &soiled);

	assert_clean(frame.slot);
	assert_clean(unique_alloc_zeroed(padded, &soiled).slot);
}
END_TEST

Suite *padding_suite(void)
{
	Suite *suite = suite_create("padding");
	TCase *tcase = tcase_create("padding");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_add_test(tcase, the_caller_has_garbage);
	tcase_add_test(tcase, alloc_writes_zero);
	tcase_add_test(tcase, the_caller_has_a_copy);
	tcase_add_test(tcase, claim_writes_zero);
	tcase_add_test(tcase, unique_alloc_writes_zero);
	suite_add_tcase(suite, tcase);
	return suite;
}
