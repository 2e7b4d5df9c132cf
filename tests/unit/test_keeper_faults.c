/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/manage/keeper.h where the host's calls fail, half-way or at once: the kernel refuses them. What was not
 * done is as it was before, in the slots, the ledger and the counts.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "manage/keeper.h"
#include "memory/rcu.h"
#include "unit/managed_guest.h"

static struct gate gate;
static struct keeper keeper;

static void setup(void)
{
	struct error err;

	managed_guest_setup();
	gate_init(&gate, &managed.control);
	ck_assert_int_eq(keeper_init(&keeper, &managed.memory, &gate, false, &err), 0);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
	managed_touch(512, MANAGED_SLOTS);
}

static void teardown(void)
{
	keeper_destroy(&keeper);
	gate_destroy(&gate);
	managed_guest_teardown();
}

/* Claims in all windows. Returns 0, or the first error. */
static int claim_all(bool hard)
{
	const struct keeper_wish wish = {.frames = UINT64_MAX, .hard = hard};
	struct keeper_cursor cursor = {0};
	struct error err;
	bool more = true;
	int result = 0;

	while (more && result >= 0)
		result = keeper_claim(&keeper, &cursor, &wish, &more, &err);
	return result < 0 ? result : 0;
}

/* From now on fallocate fails for this thread at the offset of a frame in the low region. False: not on this kernel. */
static bool refuse_punch_at(uint64_t frame)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(frame * PAGE_SIZE), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
	};
	const struct sock_fprog program = {sizeof(instructions) / sizeof(instructions[0]),
					   instructions};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

struct attempt {
	uint64_t refused; /* the run that begins there */
	bool hard;
	bool was_made;
	int result;
};

static void *try_to_claim(void *argument)
{
	struct attempt *attempt = argument;

	urcu_memb_register_thread();
	attempt->was_made = refuse_punch_at(attempt->refused);
	if (attempt->was_made)
		attempt->result = claim_all(attempt->hard);
	urcu_memb_unregister_thread();
	return NULL;
}

/* Claims all in a thread that may not punch the run at a frame. False: this kernel cannot refuse. */
static bool fail_at(uint64_t frame, bool hard)
{
	struct attempt attempt = {.refused = frame, .hard = hard};
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, try_to_claim, &attempt), 0);
	pthread_join(thread, NULL);
	ck_assert(!attempt.was_made || attempt.result == -ENOMEM);
	return attempt.was_made;
}

/* Frames of [first, end) in a state of the ledger. */
static uint64_t in_ledger(uint64_t first, uint64_t end, enum ledger_state state)
{
	uint64_t count = 0;

	for (uint64_t frame = first; frame < end; frame++)
		count += ledger_state(&keeper.ledger, frame) == state;
	return count;
}

/* The ledger has what the slots have, all of it without memory; the counts agree, and nobody is in the gate. */
static void assert_exact(void)
{
	uint64_t held = ledger_held(&keeper.ledger);

	ck_assert_uint_eq(in_ledger(0, MANAGED_SLOTS, LEDGER_PUNCHED), held);
	for (uint64_t frame = 0; frame < MANAGED_SLOTS; frame++)
		if (ledger_state(&keeper.ledger, frame) != LEDGER_NONE) {
			ck_assert_uint_eq(managed_count(frame, frame + 1, REF_HOST), 1);
			ck_assert(!managed_has_page(frame));
		}
	ck_assert_uint_eq(managed_count(0, MANAGED_SLOTS, REF_HOST), held);
	ck_assert_uint_eq(keeper.counts.claimed - keeper.counts.released - keeper.counts.taken_back,
			  held);
	ck_assert_uint_eq(managed.log.wrong, 0);
	ck_assert(!gate.is_busy);
}

/* The block at 1024 was given back as one, the last frame first. */
static void assert_block_went_whole(unsigned at)
{
	ck_assert_uint_eq(managed_count(1024, 1536, REF_UNUSED), 512);
	ck_assert_uint_eq(keeper.batch[at], 1535);
	ck_assert_uint_eq(keeper.batch[at + 511], 1024);
	ck_assert_uint_eq(managed.page->released, 1);
	ck_assert_uint_eq(managed.page->hints[0], keeper_hint(1024, 9));
}

START_TEST(a_run_that_cannot_be_punched_goes_back_and_those_before_it_stay)
{
	/* Runs of single frames: 700 to 799, 801 to 899, 901 to 1023. */
	managed_set(800, 801, 1);
	managed_set(900, 901, 1);
	if (!fail_at(801, _i))
		return;
	ck_assert_uint_eq(in_ledger(700, 800, LEDGER_PUNCHED), 100);
	ck_assert_uint_eq(managed_count(801, 900, REF_UNUSED), 99);
	ck_assert_uint_eq(managed_count(901, 1024, REF_UNUSED), 123);
	ck_assert_uint_eq(managed_bytes(801)[7], (uint8_t)(801 | 1));
	ck_assert_uint_eq(keeper.counts.claimed, MANAGED_BLOCKS * 512 + 100);
	ck_assert_uint_eq(keeper.ledger.hard, _i ? MANAGED_BLOCKS * 512 + 100 : 0);
	assert_exact();
	/* Nothing is in the way of the next order. */
	ck_assert_int_eq(claim_all(_i), 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), MANAGED_FRAMES - 2);
	assert_exact();
}
END_TEST

/* As fallocate does that ends in the middle. */
static void punch_half(void)
{
	managed.log.on_slots = NULL;
	ck_assert_int_eq(fallocate(managed.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(1030 * PAGE_SIZE), (off_t)(250 * PAGE_SIZE)),
			 0);
}

START_TEST(a_run_that_is_punched_half_goes_back_whole)
{
	managed.log.on_slots = punch_half;
	if (!fail_at(1024, false))
		return;
	ck_assert_uint_eq(managed_count(1024, 2048, REF_UNUSED), 1024);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_uint_eq(keeper.counts.claimed, 0);
	ck_assert_uint_eq(managed_bytes(1030)[7], 0);
	ck_assert_uint_eq(managed_bytes(1280)[7], (uint8_t)(1280 | 1));
	/* A capture must not keep the bytes from before. */
	ck_assert_uint_eq(managed.log.frames, 1024);
	assert_exact();
	assert_block_went_whole(0);
}
END_TEST

/* The guest may have put it aside as one, between the claim and the failure. */
START_TEST(a_block_that_became_whole_goes_back_whole)
{
	managed_set(1124, 1536, 1);
	ck_assert_int_eq(claim_all(false), 0);
	ck_assert_uint_eq(in_ledger(1024, 1536, LEDGER_PUNCHED), 100);
	managed_set(1124, 1536, REF_UNUSED);
	if (!fail_at(1124, false))
		return;
	ck_assert_uint_eq(ledger_held(&keeper.ledger), MANAGED_FRAMES - 512);
	ck_assert_uint_eq(keeper.counts.released, 100);
	assert_exact();
	assert_block_went_whole(0);
}
END_TEST

START_TEST(a_block_that_did_not_become_whole_keeps_what_was_held)
{
	managed_set(1123, 1536, 1);
	ck_assert_int_eq(claim_all(false), 0);
	managed_set(1124, 1536, REF_UNUSED);
	if (!fail_at(1124, false))
		return;
	ck_assert_uint_eq(in_ledger(1024, 1123, LEDGER_PUNCHED), 99);
	ck_assert_uint_eq(managed_count(1124, 1536, REF_UNUSED), 412);
	ck_assert_uint_eq(keeper.counts.released, 0);
	assert_exact();
}
END_TEST

/* The guest is at work meanwhile. */
static void take_back_some(void)
{
	managed.log.on_slots = NULL;
	managed_set(1025, 1030, 1);
}

START_TEST(what_the_guest_took_back_before_the_failure_stays_its_own)
{
	managed.log.on_slots = take_back_some;
	if (!fail_at(1024, false))
		return;
	ck_assert_uint_eq(managed_count(1025, 1030, 1), 5);
	ck_assert_uint_eq(managed_count(1030, 2048, REF_UNUSED), 1018);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), 0);
	ck_assert_uint_eq(keeper.counts.claimed + keeper.counts.taken_back, 0);
}
END_TEST

/* Two blocks are due, and for the second there is no memory from its middle on, where the mapping is read-only. */
START_TEST(what_cannot_be_populated_stays_without_memory)
{
	struct keeper_cursor cursor = {0};
	struct error err;
	bool more;

	ck_assert_int_eq(claim_all(false), 0);
	uint64_t held = ledger_held(&keeper.ledger), frames = managed.log.frames;

	ck_assert_int_eq(mprotect(managed_bytes(1792), 256 * PAGE_SIZE, PROT_READ), 0);
	ck_assert_int_lt(keeper_release(&keeper, &cursor, UINT64_MAX, true, &more, &err), 0);
	ck_assert_uint_eq(managed_count(1536, 2048, REF_HOST), 512);
	ck_assert_uint_eq(ledger_held(&keeper.ledger), held - 512);
	ck_assert_uint_eq(keeper.counts.released, 512);
	ck_assert_uint_eq(managed.log.frames, frames + 1024);
	ck_assert(managed_has_page(1024) && managed_has_page(1535));
	assert_exact();
	assert_block_went_whole(0);
}
END_TEST

Suite *keeper_faults_suite(void)
{
	Suite *suite = suite_create("keeper_faults");
	TCase *tcase = tcase_create("faults");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_run_that_cannot_be_punched_goes_back_and_those_before_it_stay,
			    0, 2);
	tcase_add_test(tcase, a_run_that_is_punched_half_goes_back_whole);
	tcase_add_test(tcase, a_block_that_became_whole_goes_back_whole);
	tcase_add_test(tcase, a_block_that_did_not_become_whole_keeps_what_was_held);
	tcase_add_test(tcase, what_the_guest_took_back_before_the_failure_stays_its_own);
	tcase_add_test(tcase, what_cannot_be_populated_stays_without_memory);
	suite_add_tcase(suite, tcase);
	return suite;
}
