/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/slot.h: operations that no correct program does to a slot must abort. */
#include "unit/suites.h"

#include "pagemeta/slot.h"
#include "unit/fixture.h"

#define GENERATION   UINT32_C(41)
#define ILLEGAL_REFS (REF_MAX_HELD + 1)

static struct meta_slot slot;

/* The array consists of this slot, so that an abort can print the frame's address. */
static void setup(void)
{
	host_meta_base = &slot;
}

static void teardown(void)
{
	host_meta_base = NULL;
}

/* slot_put with the one argument that ABORT_TEST gives. */
static void put(struct meta_slot *put_slot)
{
	(void)slot_put(put_slot, &(uint64_t){0});
}

#define ABORT_TEST(name, refs, operation)                                                          \
	START_TEST(name)                                                                           \
	{                                                                                          \
		slot.state = slot_state(GENERATION, refs);                                         \
		(void)operation(&slot);                                                            \
	}                                                                                          \
	END_TEST

ABORT_TEST(get_of_unused_aborts, REF_UNUSED, slot_get)
ABORT_TEST(get_of_busy_aborts, REF_BUSY, slot_get)
ABORT_TEST(get_of_unique_aborts, REF_UNIQUE, slot_get)
ABORT_TEST(get_of_host_aborts, REF_HOST, slot_get)
ABORT_TEST(get_of_the_full_count_aborts, REF_MAX_HELD, slot_get)
ABORT_TEST(get_of_an_illegal_count_aborts, ILLEGAL_REFS, slot_get)
ABORT_TEST(get_just_below_unique_aborts, REF_UNIQUE - 1, slot_get)
ABORT_TEST(get_just_below_host_aborts, REF_HOST - 1, slot_get)
ABORT_TEST(try_get_of_the_full_count_aborts, REF_MAX_HELD, slot_try_get)
ABORT_TEST(try_get_of_an_illegal_count_aborts, ILLEGAL_REFS, slot_try_get)
ABORT_TEST(put_of_unused_aborts, REF_UNUSED, put)
ABORT_TEST(put_of_busy_aborts, REF_BUSY, put)
ABORT_TEST(put_of_unique_aborts, REF_UNIQUE, put)
ABORT_TEST(put_of_host_aborts, REF_HOST, put)
ABORT_TEST(put_of_an_illegal_count_aborts, ILLEGAL_REFS, put)
ABORT_TEST(put_just_above_unique_aborts, REF_UNIQUE + 1, put)
ABORT_TEST(change_of_shared_aborts, 1, slot_change_begin)
ABORT_TEST(change_of_busy_aborts, REF_BUSY, slot_change_begin)
ABORT_TEST(share_of_shared_aborts, 1, slot_share)
ABORT_TEST(share_of_unused_aborts, REF_UNUSED, slot_share)
ABORT_TEST(unique_drop_of_shared_aborts, 1, slot_unique_drop)
ABORT_TEST(unique_drop_of_host_aborts, REF_HOST, slot_unique_drop)

Suite *slot_abort_suite(void)
{
	Suite *suite = suite_create("slot_abort");

	SUITE_ADD_ABORT_TESTS(suite, setup, teardown, get_of_unused_aborts, get_of_busy_aborts,
			      get_of_unique_aborts, get_of_host_aborts,
			      get_of_the_full_count_aborts, get_of_an_illegal_count_aborts,
			      get_just_below_unique_aborts, get_just_below_host_aborts,
			      try_get_of_the_full_count_aborts, try_get_of_an_illegal_count_aborts,
			      put_of_unused_aborts, put_of_busy_aborts, put_of_unique_aborts,
			      put_of_host_aborts, put_of_an_illegal_count_aborts,
			      put_just_above_unique_aborts, change_of_shared_aborts,
			      change_of_busy_aborts, share_of_shared_aborts, share_of_unused_aborts,
			      unique_drop_of_shared_aborts, unique_drop_of_host_aborts);
	return suite;
}
