/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/slot_copy_reader.h over a copier that counts its copies and changes slots between two of
 * them. tests/torn runs the same reader over a guest.
 */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kind/pagevisor/slot_copy_reader.h"

#define SLOTS    8
#define ARRAY_PA 0x10000

static struct meta_slot slots[SLOTS];
static struct read_counters counters;
static struct slot_copy_result results[SLOT_COPY_MAX];

/* Counts the requests to the copier; after copy number `change_at` it calls `change`. */
static unsigned copies, words_copied, change_at, fail_at;
static void (*change)(void);

static int copy(void *source, paddr_t pa, void *buffer, size_t length)
{
	ck_assert_ptr_eq(source, slots);
	ck_assert_uint_ge(pa.addr, ARRAY_PA);
	ck_assert_uint_le(pa.addr + length, ARRAY_PA + sizeof(slots));
	copies++;
	if (copies == fail_at)
		return -EIO;
	words_copied += (unsigned)(length / SLOT_SIZE);
	memcpy(buffer, (const uint8_t *)slots + (pa.addr - ARRAY_PA), length);
	if (copies == change_at || change_at == UINT32_MAX)
		change();
	return 0;
}

static const struct memory_copier copier = {.copy = copy, .source = slots};

static int read_all(void)
{
	return slot_copy_read(&copier, paddr(ARRAY_PA), SLOTS, results, &counters);
}

static void setup(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		slots[i] = (struct meta_slot){
			{i, 2, 3, 4, 5, 6}, slot_state(i, i % 2 ? REF_UNIQUE : i + 1), 0x1000 + i};
	counters = (struct read_counters){0};
	memset(results, 0, sizeof(results));
	copies = words_copied = change_at = fail_at = 0;
}

START_TEST(reads_slots_in_use)
{
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(copies, 3);
	ck_assert_uint_eq(counters.copies, SLOTS);
	ck_assert_uint_eq(counters.retries + counters.unstable, 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		ck_assert_int_eq(results[i].result, SLOT_READ_OK);
		ck_assert_uint_eq(results[i].copy.state, slots[i].state);
		ck_assert_uint_eq(results[i].copy.vtable_ptr, 0x1000 + i);
		ck_assert_mem_eq(results[i].copy.storage, slots[i].storage, SLOT_STORAGE_SIZE);
	}
}
END_TEST

START_TEST(refuses_slots_that_are_not_in_use)
{
	static const uint32_t refs[] = {REF_UNUSED,       REF_BUSY,       REF_HOST,
					REF_MAX_HELD + 1, REF_UNIQUE + 1, REF_UNIQUE - 1};

	for (unsigned i = 0; i < 6; i++)
		slots[i].state = slot_state(i, refs[i]);
	ck_assert_int_eq(read_all(), 0);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_int_eq(results[i].result, SLOT_READ_NOT_IN_USE);
		ck_assert_uint_eq(results[i].copy.state, slots[i].state);
	}
	ck_assert_uint_eq(counters.copies, 2);
	ck_assert_uint_eq(copies, 3);
}
END_TEST

/* Leaves a complete change by a unique owner. */
static void change_third(void)
{
	slots[3].state++;
	slots[3].storage[0] += 100;
}

/* The two halves of a change: one comes before a copy, one after it. */
static void begin_third(void)
{
	slots[3].state = slot_state(slot_state_generation(slots[3].state) + 1, REF_BUSY);
	slots[3].storage[0] += 100;
}

static void drop_third(void)
{
	slots[3].state = slot_state(slot_state_generation(slots[3].state), REF_UNUSED);
	slots[3].vtable_ptr = 7;
}

/* Between states and slots, and between slots and states. */
START_TEST(reads_again_what_was_changed_meanwhile)
{
	change = change_third;
	change_at = (unsigned)_i;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(copies, 6);
	/* The second time only one slot is copied. */
	ck_assert_uint_eq(words_copied, 3 * SLOTS + 3);
	ck_assert_uint_eq(counters.retries, 1);
	ck_assert_uint_eq(counters.copies, SLOTS);
	ck_assert_int_eq(results[3].result, SLOT_READ_OK);
	ck_assert_uint_eq(results[3].copy.storage[0], 103);
	ck_assert_uint_eq(results[3].copy.state, slot_state(4, REF_UNIQUE));
	ck_assert_uint_eq(results[2].copy.storage[0], 2);
}
END_TEST

START_TEST(a_slot_that_becomes_busy_is_not_in_use)
{
	change = begin_third;
	change_at = (unsigned)_i;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_int_eq(results[3].result, SLOT_READ_NOT_IN_USE);
	ck_assert_uint_eq(counters.retries, 1);
}
END_TEST

/* The generation alone does not show this. */
START_TEST(a_slot_that_is_dropped_is_not_in_use)
{
	change = drop_third;
	change_at = (unsigned)_i;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_int_eq(results[3].result, SLOT_READ_NOT_IN_USE);
	ck_assert_uint_eq(counters.retries, 1);
}
END_TEST

static void get_third(void)
{
	slots[3].state += SLOT_REF_ONE;
}

START_TEST(a_count_that_moves_is_no_change)
{
	change = get_third;
	change_at = 2;
	slots[3].state = slot_state(3, 5);
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(results[3].copy.state, slot_state(3, 5));
	ck_assert_uint_eq(copies, 3);
}
END_TEST

START_TEST(gives_up_what_never_holds_still)
{
	change = change_third;
	change_at = UINT32_MAX;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(copies, 3 * SLOT_COPY_TRIES);
	ck_assert_int_eq(results[3].result, SLOT_READ_UNSTABLE);
	ck_assert_uint_eq(counters.unstable, 1);
	ck_assert_uint_eq(counters.retries, SLOT_COPY_TRIES);
	ck_assert_uint_eq(counters.copies, SLOTS - 1);
}
END_TEST

static void sleep_past_the_bound(void)
{
	usleep(SLOT_READ_TIME_MAX_NS / 1000 + 1000);
}

START_TEST(what_took_too_long_is_read_again)
{
	change = sleep_past_the_bound;
	change_at = 2;
	ck_assert_int_eq(read_all(), 0);
	ck_assert_uint_eq(copies, 6);
	ck_assert_uint_eq(words_copied, 6 * SLOTS);
	ck_assert_uint_eq(counters.copies, SLOTS);
}
END_TEST

START_TEST(says_what_the_copier_said)
{
	fail_at = (unsigned)_i;
	ck_assert_int_eq(read_all(), -EIO);
	ck_assert_uint_eq(copies, (unsigned)_i);
}
END_TEST

START_TEST(refuses_a_count_out_of_range)
{
	ck_assert_int_eq(slot_copy_read(&copier, paddr(ARRAY_PA), 0, results, &counters), -EINVAL);
	ck_assert_int_eq(
		slot_copy_read(&copier, paddr(ARRAY_PA), SLOT_COPY_MAX + 1, results, &counters),
		-EINVAL);
	ck_assert_uint_eq(copies, 0);
}
END_TEST

Suite *slot_copy_reader_suite(void)
{
	Suite *suite = suite_create("slot_copy_reader");
	TCase *tcase = tcase_create("slot_copy_reader");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, reads_slots_in_use);
	tcase_add_test(tcase, refuses_slots_that_are_not_in_use);
	tcase_add_loop_test(tcase, reads_again_what_was_changed_meanwhile, 1, 3);
	tcase_add_loop_test(tcase, a_slot_that_becomes_busy_is_not_in_use, 1, 3);
	tcase_add_loop_test(tcase, a_slot_that_is_dropped_is_not_in_use, 1, 3);
	tcase_add_test(tcase, a_count_that_moves_is_no_change);
	tcase_add_test(tcase, gives_up_what_never_holds_still);
	tcase_add_test(tcase, what_took_too_long_is_read_again);
	tcase_add_loop_test(tcase, says_what_the_copier_said, 1, 4);
	tcase_add_test(tcase, refuses_a_count_out_of_range);
	suite_add_tcase(suite, tcase);
	return suite;
}
