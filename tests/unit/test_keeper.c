/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/manage/keeper.h: what is claimed, punched and given back, and that nothing else is. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "manage/keeper.h"
#include "unit/managed_guest.h"

#define S NS_PER_S

static struct gate gate;
static struct keeper keeper;
static struct keeper_sweep sweep;
static struct error err;

static void setup(void)
{
	managed_guest_setup();
	gate_init(&gate, &managed.control);
	ck_assert_int_eq(keeper_init(&keeper, &managed.memory, &gate, false, &err), 0);
	ck_assert_msg(keeper_follow(&keeper, managed.guest, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
	keeper_destroy(&keeper);
	gate_destroy(&gate);
	managed_guest_teardown();
}

/* Claims in all windows. Returns how many frames, or the first error. */
static int64_t claim(uint64_t frames, bool cold_only)
{
	struct keeper_cursor cursor = {0};
	int64_t claimed = 0;
	bool more = true;

	while (more && (uint64_t)claimed < frames) {
		const struct keeper_wish wish = {.frames = frames - (uint64_t)claimed,
						 .cold_only = cold_only};
		int result = keeper_claim(&keeper, &cursor, &wish, &more, &err);

		if (result < 0)
			return result;
		claimed += result;
	}
	return claimed;
}

static int64_t release(uint64_t frames, bool populate)
{
	struct keeper_cursor cursor = {0};
	int64_t released = 0;
	bool more = true;

	while (more && (uint64_t)released < frames) {
		int result = keeper_release(&keeper, &cursor, frames - (uint64_t)released, populate,
					    &more, &err);

		if (result < 0)
			return result;
		released += result;
	}
	return released;
}

static void age(uint64_t now_ns)
{
	ages_begin(&keeper.ages, S, now_ns);
	ck_assert_int_eq(keeper_look(&keeper, true, &sweep, &err), 0);
}

static uint64_t resident(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(managed.fd, &status), 0);
	return (uint64_t)status.st_blocks / 8;
}

START_TEST(all_that_is_free_is_claimed_and_punched_and_comes_back_as_zeros)
{
	managed_touch(512, MANAGED_SLOTS);
	uint64_t before = resident();

	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES);
	ck_assert_uint_eq(managed_count(0, MANAGED_SLOTS, REF_HOST), MANAGED_FRAMES);
	ck_assert_uint_eq(resident(), before - MANAGED_FRAMES);
	ck_assert_uint_eq(slot_state_generation(managed.slots[MANAGED_LOW_FIRST].state), 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), MANAGED_FRAMES);
	ck_assert_uint_eq(keeper.ledger.counts[LEDGER_PUNCHED], MANAGED_FRAMES);
	/* A run for each stretch of blocks of a batch, and two for the frames of blocks that are not whole. */
	ck_assert_uint_le(keeper.counts.punches, 6);
	ck_assert_int_eq(release(UINT64_MAX, false), MANAGED_FRAMES);
	ck_assert_uint_eq(managed_count(0, MANAGED_SLOTS, REF_HOST), 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_uint_eq(keeper.counts.released, MANAGED_FRAMES);
	ck_assert_uint_eq(managed_bytes(MANAGED_LOW_FIRST)[7], 0);
	ck_assert_uint_ne(managed_bytes(MANAGED_LOW_FIRST - 1)[7], 0);
}
END_TEST

START_TEST(no_frame_is_taken_that_is_not_free_or_not_managed)
{
	static const uint32_t others[] = {REF_BUSY, 1, 7, REF_UNIQUE, REF_HOST, 0xd0000000};
	const unsigned count = sizeof(others) / sizeof(others[0]);

	managed_touch(512, MANAGED_SLOTS);
	for (unsigned i = 0; i < count; i++)
		managed_set(MANAGED_LOW_FIRST + 400 * i, MANAGED_LOW_FIRST + 400 * i + 1,
			    others[i]);
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES - count);
	for (unsigned i = 0; i < count; i++) {
		uint64_t frame = MANAGED_LOW_FIRST + 400 * i;

		ck_assert_uint_eq(slot_state_refs(managed.slots[frame].state), others[i]);
		ck_assert_uint_eq(managed_bytes(frame)[7], (uint8_t)(frame | 1));
	}
	ck_assert_uint_eq(managed_count(0, MANAGED_LOW_FIRST, REF_UNUSED), MANAGED_LOW_FIRST);
	for (uint64_t frame = 512; frame < MANAGED_LOW_FIRST; frame++)
		ck_assert(managed_has_page(frame));
	/* HOST alone does not make it ours. */
	ck_assert_int_eq(release(UINT64_MAX, false), MANAGED_FRAMES - count);
	ck_assert_uint_eq(managed_count(0, MANAGED_SLOTS, REF_HOST), 1);
}
END_TEST

START_TEST(blocks_come_first_and_single_frames_make_up_the_rest)
{
	managed_set(1024, 1025, 1);
	/* The first block that is whole begins at 1536. */
	ck_assert_int_eq(claim(512, false), 512);
	ck_assert_uint_eq(managed_count(1536, 2048, REF_HOST), 512);
	ck_assert_int_eq(claim(513, false), 513);
	ck_assert_uint_eq(managed_count(2048, 2560, REF_HOST), 512);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_FIRST, 1024, REF_HOST), 1);
}
END_TEST

START_TEST(with_huge_pages_only_whole_blocks_are_taken)
{
	keeper.whole_blocks = true;
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_BLOCKS * 512);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_FIRST, 1024, REF_HOST), 0);
}
END_TEST

START_TEST(a_frame_is_cold_at_the_second_sweep_of_the_same_life)
{
	uint64_t used = 2000;

	ck_assert_int_eq(claim(UINT64_MAX, true), 0);
	age(S);
	ck_assert_uint_eq(sweep.unused, MANAGED_FRAMES);
	ck_assert_uint_eq(sweep.cold, 0);
	ck_assert_int_eq(claim(UINT64_MAX, true), 0);
	/* Used between the two, and free again. */
	managed.slots[used].state = slot_state(5, REF_UNUSED);
	managed_set(used + 1, used + 2, 1);
	age(2 * S);
	ck_assert_uint_eq(sweep.cold, MANAGED_FRAMES - 2);
	/* Used since the second. */
	managed.slots[used + 2].state = slot_state(5, REF_UNUSED);
	ck_assert_int_eq(claim(UINT64_MAX, true), MANAGED_FRAMES - 3);
	ck_assert_uint_eq(managed_count(used, used + 3, REF_HOST), 0);
	/* What the host has let go of begins anew. */
	ck_assert_int_eq(release(UINT64_MAX, false), MANAGED_FRAMES - 3);
	ck_assert_int_eq(claim(UINT64_MAX, true), 0);
	age(3 * S);
	ck_assert_int_eq(claim(UINT64_MAX, true), 1);
	age(4 * S);
	ck_assert_int_eq(claim(UINT64_MAX, true), MANAGED_FRAMES - 2);
}
END_TEST

/* A guest that touches what it has not, or the kernel that makes a huge page of small ones. */
START_TEST(memory_of_the_hosts_frames_is_taken_again)
{
	uint64_t calls;

	managed_touch(MANAGED_LOW_FIRST, MANAGED_LOW_END);
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES);
	managed_touch(1000, 1003);
	managed_touch(2047, 2049);
	managed_set(2048, 2049, 1); /* taken back: the guest's own */
	ck_assert_int_eq(keeper_look(&keeper, false, &sweep, &err), 0);
	ck_assert_uint_eq(keeper.counts.refilled, 0);
	calls = managed.log.frames;
	ck_assert_int_eq(keeper_look(&keeper, true, &sweep, &err), 0);
	ck_assert_uint_eq(keeper.counts.refilled, 4);
	ck_assert_uint_eq(managed.log.frames, calls + 4);
	for (uint64_t frame = 999; frame < 1004; frame++)
		ck_assert(!managed_has_page(frame));
	ck_assert(!managed_has_page(2047));
	ck_assert(managed_has_page(2048));
	ck_assert_int_eq(keeper_look(&keeper, true, &sweep, &err), 0);
	ck_assert_uint_eq(keeper.counts.refilled, 4);
}
END_TEST

START_TEST(the_log_is_told_of_slots_and_frames_after_they_were_written)
{
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES);
	ck_assert_uint_eq(managed.log.slots, MANAGED_FRAMES);
	ck_assert_uint_eq(managed.log.frames, MANAGED_FRAMES);
	ck_assert_uint_eq(managed.log.wrong, 0);
	ck_assert_uint_le(managed.log.calls - managed.log.pages, 2 * keeper.counts.punches);
	ck_assert_int_eq(release(UINT64_MAX, false), MANAGED_FRAMES);
	ck_assert_uint_eq(managed.log.slots, 2 * MANAGED_FRAMES);
	ck_assert_uint_eq(managed.log.frames, MANAGED_FRAMES);
	ck_assert_int_eq(claim(1024, false), 1024);
	ck_assert_int_eq(release(UINT64_MAX, true), 1024);
	ck_assert_uint_eq(managed.log.frames, MANAGED_FRAMES + 2 * 1024);
	ck_assert_uint_eq(managed.log.wrong, 0);
}
END_TEST

/* Each makes the guest another one between claim and punch. */
static void restart(void)
{
	managed.info->boot_id++;
}
static void finish(void)
{
	managed.info->boot_stage = STAGE_FINISHED;
}
static void move_array(void)
{
	managed.info->array_pa += PAGE_SIZE;
}
static void reset(void)
{
	managed.info->magic = 0;
}

START_TEST(after_a_restart_nothing_is_punched_or_released)
{
	static void (*const ends[])(void) = {restart, finish, move_array, reset};

	managed_touch(512, MANAGED_SLOTS);
	ck_assert_int_eq(claim(512, false), 512);
	uint64_t before = resident();

	managed.log.on_slots = ends[_i];
	ck_assert_int_eq(claim(UINT64_MAX, false), -ESTALE);
	ck_assert_uint_eq(resident(), before);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_uint_eq(keeper.counts.restarts, 1);
	uint64_t hosts = managed_count(0, MANAGED_SLOTS, REF_HOST);

	ck_assert_int_eq(release(UINT64_MAX, false), -ESTALE);
	ck_assert_uint_eq(managed_count(0, MANAGED_SLOTS, REF_HOST), hosts);
	ck_assert_int_eq(keeper_look(&keeper, false, &sweep, &err), -ESTALE);
}
END_TEST

START_TEST(what_the_guest_takes_back_is_counted_and_is_no_longer_ours)
{
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES);
	managed_set(1024, 1034, REF_UNUSED);
	managed_set(1034, 1035, 1);
	ck_assert_int_eq(keeper_look(&keeper, false, &sweep, &err), 0);
	ck_assert_uint_eq(keeper.counts.taken_back, 11);
	ck_assert_uint_eq(sweep.held, MANAGED_FRAMES - 11);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), MANAGED_FRAMES - 11);
	managed_set(2000, 2001, 1);
	ck_assert_int_eq(release(UINT64_MAX, false), MANAGED_FRAMES - 11);
	ck_assert_uint_eq(keeper.counts.taken_back, 12);
	ck_assert_uint_eq(keeper.counts.released, MANAGED_FRAMES - 12);
	ck_assert_uint_eq(slot_state_refs(managed.slots[2000].state), 1);
}
END_TEST

START_TEST(what_cannot_be_punched_is_given_back)
{
	managed_touch(512, MANAGED_SLOTS);
	ck_assert_int_eq(fcntl(managed.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	ck_assert_int_eq(claim(UINT64_MAX, false), -EPERM);
	ck_assert_uint_eq(managed_count(0, MANAGED_SLOTS, REF_HOST), 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_uint_eq(keeper.counts.claimed, 0);
	ck_assert_uint_eq(managed.log.wrong, 0);
	ck_assert(!gate.is_busy);
}
END_TEST

START_TEST(released_with_memory_a_frame_has_a_page)
{
	ck_assert_int_eq(claim(1024, false), 1024);
	ck_assert(!managed_has_page(1024) && !managed_has_page(2047));
	ck_assert_int_eq(release(512, true), 512);
	ck_assert(managed_has_page(1024) && managed_has_page(1535) && !managed_has_page(1536));
	ck_assert_uint_eq(managed_bytes(1024)[7], 0);
	ck_assert_uint_eq(managed_count(1024, 1536, REF_UNUSED), 512);
	ck_assert_uint_eq(managed_count(1536, 2048, REF_HOST), 512);
}
END_TEST

START_TEST(what_the_guest_has_taken_back_is_claimed_again_only_when_it_was_noticed)
{
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES);
	managed_set(1024, 1034, REF_UNUSED);
	ck_assert_int_eq(claim(UINT64_MAX, false), 0);
	ck_assert_int_eq(keeper_look(&keeper, false, &sweep, &err), 0);
	ck_assert_uint_eq(keeper.counts.taken_back, 10);
	ck_assert_int_eq(claim(UINT64_MAX, false), 10);
}
END_TEST

/* What the guest finds when it looks at the first frame of a block that it has put aside as one. */
static uint64_t unused_then;

static void note_block(void)
{
	unused_then = managed_count(1024, 1536, REF_UNUSED);
}

START_TEST(a_block_is_released_whole_and_after_all_that_is_not_one)
{
	managed_set(2048, 2049, 1);
	ck_assert_int_eq(claim(1024 + 100, false), 1024 + 100);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_FIRST, 1024, REF_HOST), 100);
	/* Single frames serve, until there are none left. */
	ck_assert_int_eq(release(40, false), 40);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_FIRST, 1024, REF_HOST), 60);
	ck_assert_int_eq(release(512 + 10, false), 512 + 10);
	ck_assert_uint_eq(managed_count(1024, 1536, REF_UNUSED), 512);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_FIRST, 1024, REF_HOST), 50);
	ck_assert_int_eq(release(51, false), 50 + 512);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_int_eq(claim(512, false), 512);
	managed.log.on_slots = note_block;
	ck_assert_int_eq(release(1, false), 512);
	ck_assert_uint_eq(unused_then, 512);
}
END_TEST

START_TEST(records_that_were_never_written_stay_so)
{
	const off_t first = (off_t)(MANAGED_ARRAY_PA + 2048 * SLOT_SIZE);

	/* The slots of 64 frames in each of 4 pages. */
	ck_assert_int_eq(fallocate(managed.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first,
				   4 * PAGE_SIZE),
			 0);
	uint64_t before = resident();

	age(S);
	age(2 * S);
	ck_assert_uint_eq(sweep.managed, MANAGED_FRAMES - 256);
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES - 256);
	ck_assert_uint_eq(resident(), before);
}
END_TEST

/* Ranges that no guest can have, in pairs. */
static const uint64_t lies[][4] = {
	{1000, 1000, 0, 0},       {1000, 900, 0, 0},        {1000, MANAGED_SLOTS + 1, 0, 0},
	{1000, 2000, 1999, 3000}, {2000, 3000, 1000, 1500}, {UINT64_MAX - 1, UINT64_MAX, 0, 0},
};

START_TEST(ranges_that_cannot_be_are_refused)
{
	managed_ranges(lies[_i][2] ? 2 : 1, lies[_i]);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), -EPROTO);
	ck_assert(err.text[0]);
}
END_TEST

START_TEST(frames_that_are_in_no_region_are_left_alone)
{
	const uint64_t all[] = {0, MANAGED_SLOTS};

	/* It manages the hole between the regions, and its own records. */
	managed_ranges(1, all);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
	managed_set(0, MANAGED_LOW_FIRST, 1);
	ck_assert_int_eq(claim(UINT64_MAX, false), MANAGED_FRAMES);
	ck_assert_uint_eq(managed_count(MANAGED_LOW_END, MANAGED_HIGH_FIRST, REF_HOST), 0);
	ck_assert_uint_eq(managed.log.wrong, 0);
}
END_TEST

START_TEST(a_guest_that_is_not_at_work_has_no_claims)
{
	static const unsigned stages[] = {STAGE_CPUS, STAGE_FINISHED};

	for (unsigned i = 0; i < 2; i++) {
		managed.info->boot_stage = stages[i];
		ck_assert_int_ge(guest_refresh(managed.guest, &err), 0);
		ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), -EAGAIN);
	}
}
END_TEST

START_TEST(another_boot_makes_the_ledger_void)
{
	ck_assert_int_eq(claim(512, false), 512);
	managed.info->boot_id++;
	ck_assert_int_eq(guest_refresh(managed.guest, &err), 1);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_int_eq(release(UINT64_MAX, false), 0);
}
END_TEST

/* A boot that cannot be read is not yet another life, but the one after it must not take over what was held before. */
START_TEST(a_boot_that_lies_first_makes_the_ledger_void_all_the_same)
{
	const uint64_t all[] = {MANAGED_LOW_FIRST, MANAGED_LOW_END};

	ck_assert_int_eq(claim(512, false), 512);
	managed.info->boot_id++;
	ck_assert_int_eq(guest_refresh(managed.guest, &err), 1);
	managed_ranges(1, lies[0]);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), -EPROTO);
	managed_ranges(1, all);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_uint_eq(keeper.counts.restarts, 1);
}
END_TEST

Suite *keeper_suite(void)
{
	Suite *suite = suite_create("keeper");
	TCase *tcase = tcase_create("keeper");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, all_that_is_free_is_claimed_and_punched_and_comes_back_as_zeros);
	tcase_add_test(tcase, no_frame_is_taken_that_is_not_free_or_not_managed);
	tcase_add_test(tcase, blocks_come_first_and_single_frames_make_up_the_rest);
	tcase_add_test(tcase, with_huge_pages_only_whole_blocks_are_taken);
	tcase_add_test(tcase, a_frame_is_cold_at_the_second_sweep_of_the_same_life);
	tcase_add_test(tcase, the_log_is_told_of_slots_and_frames_after_they_were_written);
	tcase_add_test(tcase, memory_of_the_hosts_frames_is_taken_again);
	tcase_add_loop_test(tcase, after_a_restart_nothing_is_punched_or_released, 0, 4);
	tcase_add_test(tcase, what_the_guest_takes_back_is_counted_and_is_no_longer_ours);
	tcase_add_test(tcase,
		       what_the_guest_has_taken_back_is_claimed_again_only_when_it_was_noticed);
	tcase_add_test(tcase, what_cannot_be_punched_is_given_back);
	tcase_add_test(tcase, released_with_memory_a_frame_has_a_page);
	tcase_add_test(tcase, a_block_is_released_whole_and_after_all_that_is_not_one);
	tcase_add_test(tcase, records_that_were_never_written_stay_so);
	tcase_add_loop_test(tcase, ranges_that_cannot_be_are_refused, 0,
			    sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(tcase, frames_that_are_in_no_region_are_left_alone);
	tcase_add_test(tcase, a_guest_that_is_not_at_work_has_no_claims);
	tcase_add_test(tcase, another_boot_makes_the_ledger_void);
	tcase_add_test(tcase, a_boot_that_lies_first_makes_the_ledger_void_all_the_same);
	suite_add_tcase(suite, tcase);
	return suite;
}
