/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/manage/keeper.h beside threads that use the same frames as a guest does: a frame in use keeps its
 * bytes, and one that comes from the host is all zero.
 */
#include "unit/suites.h"

#include <string.h>

#include "manage/keeper.h"
#include "memory/rcu.h"
#include "pagemeta/slot.h"
#include "unit/crew.h"
#include "unit/managed_guest.h"

#define FIRST  UINT64_C(1024)
#define FRAMES 32 /* few, so that host and guest meet at them */

static struct gate gate;
static struct keeper keeper;
static uint64_t claims, claims_of_punched, kept, errors, host_claimed, host_released;

/* The generation at which the frame was freed with its own number in it. */
static uint32_t freed[FRAMES];

static void setup(void)
{
	struct error err;

	crew_setup();
	managed_guest_setup();
	gate_init(&gate, &managed.control);
	memset(freed, 0xff, sizeof(freed));
	claims = claims_of_punched = kept = errors = host_claimed = host_released = 0;
	const uint64_t range[] = {FIRST, FIRST + FRAMES};

	managed_ranges(1, range);
	ck_assert_int_eq(keeper_init(&keeper, &managed.memory, &gate, false, &err), 0);
	ck_assert_int_eq(keeper_follow(&keeper, managed.guest, &err), 0);
}

static void teardown(void)
{
	keeper_destroy(&keeper);
	gate_destroy(&gate);
	managed_guest_teardown();
}

static volatile uint64_t *words_of(uint64_t frame)
{
	return (volatile uint64_t *)managed_bytes(frame);
}

/*
 * The first word is what the last user left: if nobody had the frame in between, this must stand; if the host had,
 * it must be gone. Only this frame's owner comes here.
 */
static void use_frame(uint64_t frame, uint32_t generation)
{
	volatile uint64_t *words = words_of(frame);
	uint64_t first = words[0], last = words[511];

	if (generation == freed[frame - FIRST] + 1 && generation != 0) {
		crew_count(&kept);
		if (first != frame || last != frame)
			crew_count(&errors);
	} else {
		if (first != 0 || last != 0)
			crew_count(&errors);
		crew_count(&claims_of_punched);
	}
	words[0] = words[511] = frame;
	if (words[0] != frame || words[511] != frame)
		crew_count(&errors);
}

static void be_guest(struct crew_member *member)
{
	while (!crew_is_done()) {
		uint64_t frame = FIRST + crew_random(member, FRAMES), busy;
		struct meta_slot *slot = &managed.slots[frame];

		if (slot_claim_begin(slot, &busy) != REF_CLASS_UNUSED)
			continue;
		crew_count(&claims);
		use_frame(frame, slot_state_generation(busy));
		freed[frame - FIRST] = slot_state_generation(busy);
		slot_reset(slot, busy);
	}
}

/* What a batch of the host came to. */
static void note(int result, uint64_t *counter)
{
	if (result < 0)
		crew_count(&errors);
	else if (result > 0)
		crew_count(counter);
}

static void be_host(struct crew_member *member)
{
	struct keeper_cursor cursor;
	struct error err;
	bool more;

	urcu_memb_register_thread();
	while (!crew_is_done()) {
		const struct keeper_wish wish = {.frames = 1 + crew_random(member, FRAMES)};
		uint64_t frames = 1 + crew_random(member, FRAMES);

		cursor = (struct keeper_cursor){.phase = KEEPER_SINGLES};
		note(keeper_claim(&keeper, &cursor, &wish, &more, &err), &host_claimed);
		cursor = (struct keeper_cursor){.phase = KEEPER_SINGLES};
		note(keeper_release(&keeper, &cursor, frames, crew_random(member, 4) == 0, &more,
				    &err),
		     &host_released);
	}
	urcu_memb_unregister_thread();
}

START_TEST(frames_in_use_keep_their_bytes_and_those_of_the_host_are_zero)
{
	const struct crew_event events[] = {CREW_EVENT(claims), CREW_EVENT(kept),
					    CREW_EVENT(claims_of_punched), CREW_EVENT(host_claimed),
					    CREW_EVENT(host_released)};

	crew_add(be_guest, NULL);
	crew_add(be_guest, NULL);
	crew_add(be_host, NULL);
	CREW_WORK(events);
	ck_assert_uint_eq(errors, 0);
	ck_assert_uint_eq(keeper.counts.taken_back, 0);
	ck_assert_uint_eq(ledger_held(&keeper.ledger),
			  managed_count(FIRST, FIRST + FRAMES, REF_HOST));
}
END_TEST

Suite *keeper_threads_suite(void)
{
	Suite *suite = suite_create("keeper_threads");
	TCase *tcase = tcase_create("keeper_threads");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, frames_in_use_keep_their_bytes_and_those_of_the_host_are_zero);
	suite_add_tcase(suite, tcase);
	return suite;
}
