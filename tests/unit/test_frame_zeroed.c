/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of frame_alloc_zeroed (pagemeta/frame_alloc.h): the bytes are zero for anyone who gets the frame, at any
 * moment, and nothing else is touched. Zeroed runs have more tests in test_segment_alloc.c.
 */
#include "unit/suites.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pagemeta/segment.h"
#include "pagemeta/unique.h"
#include "unit/fixture.h"

#define FRAMES (SMALL_MACHINE_SIZE / PAGE_SIZE)
#define COUNT  UINT64_C(4)

static const struct stamp_meta stamp = {.a = 4, .b = 5, .c = 6};

/* Fills all free memory with bytes that are not zero. */
static void soil_free_memory(void)
{
	for (uint64_t i = 0; i < FRAMES; i++)
		if (slot_state_refs(slot_load(pfn_to_meta(pfn(i)))) == REF_UNUSED)
			memset(platform_phys_to_virt(pfn_to_paddr(pfn(i))), 0xee, PAGE_SIZE);
}

static bool is_zero(paddr_t frame)
{
	static const uint8_t zeroes[PAGE_SIZE];

	return memcmp(platform_phys_to_virt(frame), zeroes, PAGE_SIZE) == 0;
}

START_TEST(zeroed_frame_has_bytes_that_are_zero)
{
	soil_free_memory();

	frame_t frame = frame_alloc_zeroed(stamp, &stamp);

	ck_assert(is_zero(frame_paddr(frame)));
	ck_assert_uint_eq(frame_references(frame), 1);
	ck_assert_ptr_eq(frame_type(frame), &meta_type_stamp);
	ck_assert_mem_eq(frame_meta(frame, stamp), &stamp, sizeof(stamp));
}
END_TEST

START_TEST(zeroed_frame_leaves_others_alone)
{
	soil_free_memory();

	paddr_t zeroed = frame_paddr(frame_alloc_zeroed(stamp, &stamp));

	for (uint64_t i = 0; i < FRAMES; i++) {
		paddr_t other = pfn_to_paddr(pfn(i));
		const uint8_t *bytes = platform_phys_to_virt(other);

		if (slot_state_refs(slot_load(pfn_to_meta(pfn(i)))) != REF_UNUSED)
			continue;
		ck_assert_uint_ne(other.addr, zeroed.addr);
		ck_assert_uint_eq(bytes[0], 0xee);
		ck_assert_uint_eq(bytes[PAGE_SIZE - 1], 0xee);
	}
}
END_TEST

START_TEST(frame_is_zeroed_for_each_owner)
{
	frame_t frame = frame_alloc_zeroed(stamp, &stamp);

	memset(platform_phys_to_virt(frame_paddr(frame)), 0xee, PAGE_SIZE);
	frame_put(frame);

	frame_t again = frame_alloc_zeroed(stamp, &stamp);

	ck_assert_ptr_eq(again.slot, frame.slot);
	ck_assert(is_zero(frame_paddr(again)));
}
END_TEST

START_TEST(zeroed_frame_can_start_unique)
{
	soil_free_memory();

	unique_frame_t frame = unique_alloc_zeroed(stamp, &stamp);

	ck_assert_uint_eq(slot_state_refs(slot_load(frame.slot)), REF_UNIQUE);
	ck_assert_mem_eq(unique_meta(frame, stamp), &stamp, sizeof(stamp));
	ck_assert(is_zero(unique_paddr(frame)));
}
END_TEST

START_TEST(exhaustion_zeroes_nothing)
{
	frame_t last = FRAME_NONE;

	for (frame_t frame; (frame = frame_alloc(stamp, &stamp)).slot;)
		last = frame;
	memset(platform_phys_to_virt(frame_paddr(last)), 0xee, PAGE_SIZE);

	struct snapshot before = snapshot_take();

	ck_assert_ptr_null(frame_alloc_zeroed(stamp, &stamp).slot);
	snapshot_check(&before);
	ck_assert_uint_eq(count_free(), 0);
	ck_assert_uint_eq(*(uint8_t *)platform_phys_to_virt(frame_paddr(last)), 0xee);
}
END_TEST

START_TEST(frames_of_the_host_are_not_zeroed)
{
	frame_t frame = frame_alloc(stamp, &stamp);
	const uint8_t *bytes = platform_phys_to_virt(frame_paddr(frame));
	struct frame_alloc_stats stats;

	soil_free_memory();
	memset(platform_phys_to_virt(frame_paddr(frame)), 0xee, PAGE_SIZE);
	frame_put(frame);
	ck_assert(slot_host_claim(frame.slot));

	frame_t other = frame_alloc_zeroed(stamp, &stamp);

	ck_assert_ptr_ne(other.slot, frame.slot);
	ck_assert(is_zero(frame_paddr(other)));
	ck_assert_uint_eq(bytes[0], 0xee);
	frame_alloc_read_stats(&stats);
	ck_assert_uint_eq(stats.parked, 1);
}
END_TEST

/* The frames whose bytes nobody may touch yet, and their states when somebody did. */
static struct {
	pfn_t first;
	uint64_t count;
	unsigned faults;
	unsigned busy;
} guarded;

static bool guard(int protection)
{
	return mprotect(platform_phys_to_virt(pfn_to_paddr(guarded.first)),
			guarded.count * PAGE_SIZE, protection) == 0;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
	guarded.faults++;
	for (uint64_t i = 0; i < guarded.count; i++) {
		uint64_t state = slot_load(pfn_to_meta(pfn(guarded.first.index + i)));

		guarded.busy += slot_state_refs(state) == REF_BUSY;
	}
	/* A signal handler must not use Check's assertions. */
	if (!guard(PROT_READ | PROT_WRITE))
		_exit(1);
}

/* From here on the first access to the frames' bytes is recorded. */
static void guard_frames(pfn_t first, uint64_t count)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	guarded.first = first;
	guarded.count = count;
	guarded.faults = guarded.busy = 0;
	ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
	ck_assert(guard(PROT_NONE));
}

/* The slot stays BUSY until the bytes are zero, so nobody can get the frame by its address before. */
START_TEST(frame_is_busy_while_it_is_zeroed)
{
	frame_t frame = frame_alloc(stamp, &stamp);

	frame_put(frame);
	guard_frames(meta_to_pfn(frame.slot), 1);
	ck_assert_ptr_eq(frame_alloc_zeroed(stamp, &stamp).slot, frame.slot);
	ck_assert_uint_eq(guarded.faults, 1);
	ck_assert_uint_eq(guarded.busy, 1);
	signal(SIGSEGV, SIG_DFL);
}
END_TEST

START_TEST(all_frames_of_a_run_are_busy_while_they_are_zeroed)
{
	struct segment segment;

	ck_assert(segment_alloc(stamp, COUNT, 1, NULL, NULL, &segment));

	const struct segment first = segment;

	segment_drop(&segment);
	guard_frames(first.first, first.count);
	ck_assert(segment_alloc_zeroed(stamp, COUNT, 1, NULL, NULL, &segment));
	ck_assert_uint_eq(segment.first.index, first.first.index);
	ck_assert_uint_eq(guarded.faults, 1);
	ck_assert_uint_eq(guarded.busy, COUNT);
	signal(SIGSEGV, SIG_DFL);
}
END_TEST

Suite *frame_zeroed_suite(void)
{
	Suite *suite = suite_create("frame_zeroed");
	TCase *tcase = tcase_create("frame_zeroed");

	tcase_add_checked_fixture(tcase, small_allocator_setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, zeroed_frame_has_bytes_that_are_zero,
			zeroed_frame_leaves_others_alone, frame_is_zeroed_for_each_owner,
			zeroed_frame_can_start_unique, exhaustion_zeroes_nothing,
			frames_of_the_host_are_not_zeroed, frame_is_busy_while_it_is_zeroed,
			all_frames_of_a_run_are_busy_while_they_are_zeroed);
	suite_add_tcase(suite, tcase);
	return suite;
}
