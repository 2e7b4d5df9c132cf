/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/slot_reader.h: what level 2 accepts, and that it never accepts a torn copy while owners
 * claim, change and drop the slot as fast as they can. A reader that skips the protocol must see torn copies in the
 * same run, or the test proves nothing.
 */
#include "unit/suites.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kind/pagevisor/slot_reader.h"
#include "pagemeta/slot.h"

#define SLOT_COUNT   16
#define ACCEPTED_MIN 1000000

static struct meta_slot slots[SLOT_COUNT];
static struct read_counters counters;
static struct slot_copy copy;

static void setup(void)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		slots[i] = (struct meta_slot){.state = slot_state(0, REF_UNUSED)};
	counters = (struct read_counters){0};
}

START_TEST(accepts_a_shared_and_a_unique_slot)
{
	slots[0] = (struct meta_slot){{1, 2, 3, 4, 5, 6}, slot_state(9, 3), 0x1234};
	ck_assert_int_eq(slot_read(&slots[0], &copy, &counters), SLOT_READ_OK);
	ck_assert_uint_eq(copy.state, slot_state(9, 3));
	ck_assert_uint_eq(copy.vtable_ptr, 0x1234);
	for (unsigned i = 0; i < SLOT_STORAGE_WORDS; i++)
		ck_assert_uint_eq(copy.storage[i], i + 1);
	slots[0].state = slot_state(9, REF_UNIQUE);
	ck_assert_int_eq(slot_read(&slots[0], &copy, &counters), SLOT_READ_OK);
	ck_assert_uint_eq(counters.copies, 2);
}
END_TEST

START_TEST(refuses_a_slot_that_is_not_in_use)
{
	static const uint32_t refs[] = {REF_UNUSED, REF_BUSY, REF_HOST, REF_MAX_HELD + 1,
					REF_UNIQUE + 1};

	for (unsigned i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
		slots[0].state = slot_state(1, refs[i]);
		ck_assert_int_eq(slot_read(&slots[0], &copy, &counters), SLOT_READ_NOT_IN_USE);
		ck_assert_uint_eq(copy.state, slot_state(1, refs[i]));
	}
	ck_assert_uint_eq(counters.copies, 0);
}
END_TEST

static bool reader_done;

static void write_set(struct meta_slot *slot, uint64_t b, uint64_t c)
{
	slot_word_store(&slot->storage[0], b ^ c);
	slot_word_store(&slot->storage[2], b);
	slot_word_store(&slot->storage[5], c);
}

/* Contents left by a drop: fields that do not belong together. */
static void destroy_set(struct meta_slot *slot)
{
	slot_word_store(&slot->storage[2], 0);
	slot_word_store(&slot->storage[5], 1);
	slot_word_store(&slot->storage[0], 0);
}

/* Ends the slot's life in the way that its state requires; a unique owner changes it once more before. */
static void end_life(struct meta_slot *slot, uint64_t value)
{
	if (slot_state_refs(slot->state) == REF_UNIQUE) {
		slot_change_begin(slot);
		write_set(slot, ~value, value + 7);
		slot_publish(slot, slot_load(slot), REF_UNIQUE);
		slot_unique_drop(slot);
	} else if (!slot_put(slot, &(uint64_t){0})) {
		abort();
	}
	destroy_set(slot);
	slot_reset(slot, slot_load(slot));
}

/* Every way in which an owner writes a slot. A slot stays in use until its turn comes again. */
static void *write_slots(void *unused)
{
	(void)unused;
	for (uint64_t round = 0; !__atomic_load_n(&reader_done, __ATOMIC_ACQUIRE); round++) {
		struct meta_slot *slot = &slots[round % SLOT_COUNT];

		if (ref_in_use(slot_state_refs(slot->state)))
			end_life(slot, round);
		slot_claim_begin(slot, &(uint64_t){0});
		write_set(slot, round, round * 0x9e3779b97f4a7c15);
		slot_publish(slot, slot_load(slot), round / SLOT_COUNT % 2 ? 1 : REF_UNIQUE);
	}
	return NULL;
}

static bool is_torn(const struct slot_copy *set)
{
	return set->storage[0] != (set->storage[2] ^ set->storage[5]);
}

START_TEST(never_accepts_a_torn_copy)
{
	uint64_t accepted = 0, naive_torn = 0;
	pthread_t writer;

	reader_done = false;
	ck_assert_int_eq(pthread_create(&writer, NULL, write_slots, NULL), 0);
	for (unsigned i = 0; accepted < ACCEPTED_MIN || naive_torn == 0 || counters.retries == 0;
	     i = (i + 1) % SLOT_COUNT) {
		if (slot_read(&slots[i], &copy, &counters) == SLOT_READ_OK) {
			accepted++;
			ck_assert(!is_torn(&copy));
		}
		slot_copy_words(&slots[i], &copy);
		naive_torn += is_torn(&copy);
	}
	__atomic_store_n(&reader_done, true, __ATOMIC_RELEASE);
	pthread_join(writer, NULL);
}
END_TEST

Suite *slot_reader_suite(void)
{
	Suite *suite = suite_create("slot_reader");
	TCase *tcase = tcase_create("slot_reader");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, accepts_a_shared_and_a_unique_slot);
	tcase_add_test(tcase, refuses_a_slot_that_is_not_in_use);
	tcase_add_test(tcase, never_accepts_a_torn_copy);
	suite_add_tcase(suite, tcase);
	return suite;
}
