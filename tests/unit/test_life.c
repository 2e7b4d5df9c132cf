/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of base/counter.h, kind/life.h and inspect/life_watch.h, and of the looks that rest on them: a guest that restarts
 * between two looks or during one, an earlier state that is loaded, and a pause in which somebody else did something.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/counter.h"
#include "inspect/observation.h"
#include "kind/registry.h"
#include "memory/snapshot.h"
#include "source/source_snapshot.h"
#include "unit/crafted_source.h"

static struct crafted crafted;
static struct cpu_counters *counters;
static struct observation seen;
static struct error err;

static void setup(void)
{
	crafted_make(&crafted);
	counters = (struct cpu_counters *)(crafted.low + CRAFTED_COUNTERS_PA);
	counters->operations = 1000;
	seen = (struct observation){0};
}

static void teardown(void)
{
	observation_end(&seen);
	crafted_free(&crafted);
}

static int look(void)
{
	return observation_look(&seen, &crafted.source.memory, &crafted.source.hints);
}

START_TEST(differences_of_counters)
{
	uint64_t rise;
	uint32_t rise_32;
	double rate;

	ck_assert(counter_rise(5, 8, &rise) && rise == 3);
	ck_assert(counter_rise(5, 5, &rise) && rise == 0);
	ck_assert(!counter_rise(8, 5, &rise) && rise == 0);
	ck_assert(counter_rise(0, UINT64_MAX, &rise) && rise == UINT64_MAX);
	ck_assert(counter_rise_32(UINT32_MAX, 2, &rise_32) && rise_32 == 3);
	ck_assert(counter_rise_32(7, 7, &rise_32) && rise_32 == 0);
	ck_assert(!counter_rise_32(5000, 7, &rise_32) && rise_32 == 0);
	ck_assert(counter_rate(10, 30, UINT64_C(2000000000), &rate) && rate == 10);
	ck_assert(!counter_rate(30, 10, 1, &rate) && rate == 0);
	ck_assert(!counter_rate(10, 30, 0, &rate) && rate == 0);
}
END_TEST

START_TEST(a_life_is_a_boot_and_how_far_it_has_come)
{
	struct guest_life first, later;
	struct guest *guest;

	ck_assert_int_eq(guest_find(&crafted.source.memory, &crafted.source.hints, &guest, &err),
			 0);
	ck_assert_int_eq(guest_life_read(guest, &first, &err), 0);
	ck_assert_uint_eq(first.boot_id, crafted.info->boot_id);
	counters->frees++;
	ck_assert_int_eq(guest_life_read(guest, &later, &err), 0);
	ck_assert_int_eq(life_compare(&first, &later), LIFE_GOES_ON);
	ck_assert_int_eq(life_compare(&later, &first), LIFE_WENT_BACK);
	/* The guest's report may be as old as it wants. */
	crafted.info->boot_id++;
	ck_assert_int_eq(guest_life_read(guest, &later, &err), 0);
	ck_assert_int_eq(life_compare(&first, &later), LIFE_RESTARTED);
	crafted.info->magic = 0;
	ck_assert_int_eq(guest_life_read(guest, &later, &err), -EAGAIN);
	crafted.info->magic = 1;
	ck_assert_int_eq(guest_life_read(guest, &later, &err), -EPROTO);
	guest_free(guest);
}
END_TEST

START_TEST(a_restart_between_two_looks_is_an_event)
{
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_GOES_ON);
	counters->operations = 3000;
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_GOES_ON);
	/* A look that falls into the boot says nothing yet. */
	crafted.info->magic = 0;
	ck_assert_int_eq(look(), -EAGAIN);
	ck_assert_str_ne(seen.problem.text, "");
	crafted.info->magic = INFO_MAGIC;
	crafted.info->boot_id++;
	counters->operations = 10;
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_RESTARTED);
	ck_assert_str_eq(seen.problem.text, "");
	ck_assert_uint_eq(facts_value(&seen.counters, "steps"), 10);
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_GOES_ON);
	ck_assert_uint_eq(seen.scans, 4);
}
END_TEST

/* However many looks fall into the boot: whoever waits for frames must find the event there still. */
START_TEST(a_restart_is_an_event_until_there_are_frames)
{
	const uint32_t stage = crafted.info->boot_stage;

	ck_assert_int_eq(look(), 0);
	crafted.info->boot_id++;
	crafted.info->boot_stage = STAGE_ENTERED;
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(look(), 0);
		ck_assert(seen.is_known);
		ck_assert_int_eq(seen.life.event, LIFE_RESTARTED);
		ck_assert_uint_eq(seen.scans, 1);
	}
	crafted.info->boot_stage = stage;
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_RESTARTED);
	ck_assert_uint_eq(seen.scans, 2);
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_GOES_ON);
}
END_TEST

START_TEST(an_earlier_state_between_two_looks_is_an_event)
{
	ck_assert_int_eq(look(), 0);
	counters->operations = 999;
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_WENT_BACK);
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_GOES_ON);
}
END_TEST

static unsigned restarts; /* that are still to come */

static void restart(struct crafted *guest)
{
	if (restarts == 0)
		return;
	restarts--;
	guest->info->boot_id++;
}

/* Puts the array where reading it restarts the guest. */
static void restart_during_looks(unsigned count)
{
	crafted_copy_array(&crafted);
	ck_assert_int_eq(look(), 0);
	restarts = count;
	crafted.on_read = restart;
}

START_TEST(a_scan_of_two_boots_is_repeated)
{
	restart_during_looks(1);
	uint64_t scans = seen.scans;

	ck_assert_int_eq(look(), 0);
	ck_assert_uint_eq(restarts, 0);
	ck_assert_uint_eq(seen.scans, scans + 1);
	ck_assert_int_eq(seen.life.event, LIFE_RESTARTED);
	ck_assert_uint_eq(seen.life.last.boot_id, crafted.info->boot_id);
}
END_TEST

START_TEST(a_guest_that_restarts_all_the_time_is_not_waited_for)
{
	restart_during_looks(1000000);
	uint64_t scans = seen.scans;

	ck_assert_int_eq(look(), -ESTALE);
	ck_assert_uint_eq(seen.scans, scans);
	ck_assert_str_ne(seen.problem.text, "");
	restarts = 0;
	ck_assert_int_eq(look(), 0);
	ck_assert_int_eq(seen.life.event, LIFE_RESTARTED);
}
END_TEST

/* What somebody else does to the guest while it is paused for a copy. */
static int copy_while(void (*act)(struct crafted *guest))
{
	const struct snapshot_options options = {.whole_pause = true};
	struct snapshot snapshot;

	crafted_add_copied(&crafted);
	crafted_start_writer(&crafted);
	crafted.on_read = act;
	int result =
		source_snapshot(&crafted.source, SNAPSHOT_ALL_MEMORY, &options, &snapshot, &err);

	if (result == 0)
		snapshot_close(&snapshot);
	ck_assert_uint_eq(crafted.pauses, 1);
	ck_assert_uint_eq(crafted.resumes, 1);
	return result;
}

static void reset(struct crafted *guest)
{
	guest->info->magic = 0;
}

static void boot(struct crafted *guest)
{
	guest->info->boot_id++;
}

static void run_on(struct crafted *guest)
{
	(void)guest;
	counters->operations++;
}

static void load(struct crafted *guest)
{
	(void)guest;
	counters->operations = 1;
}

START_TEST(a_pause_in_which_nothing_happens_gives_a_copy)
{
	ck_assert_int_eq(copy_while(NULL), 0);
}
END_TEST

START_TEST(a_pause_in_which_somebody_acts_gives_none)
{
	static void (*const acts[])(struct crafted *) = {reset, boot, run_on, load};

	ck_assert_int_eq(copy_while(acts[_i]), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.text, "during the pause"));
}
END_TEST

Suite *life_suite(void)
{
	Suite *suite = suite_create("life");
	TCase *tcase = tcase_create("life");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, differences_of_counters);
	tcase_add_test(tcase, a_life_is_a_boot_and_how_far_it_has_come);
	tcase_add_test(tcase, a_restart_between_two_looks_is_an_event);
	tcase_add_test(tcase, a_restart_is_an_event_until_there_are_frames);
	tcase_add_test(tcase, an_earlier_state_between_two_looks_is_an_event);
	tcase_add_test(tcase, a_scan_of_two_boots_is_repeated);
	tcase_add_test(tcase, a_guest_that_restarts_all_the_time_is_not_waited_for);
	tcase_add_test(tcase, a_pause_in_which_nothing_happens_gives_a_copy);
	tcase_add_loop_test(tcase, a_pause_in_which_somebody_acts_gives_none, 0, 4);
	suite_add_tcase(suite, tcase);
	return suite;
}
