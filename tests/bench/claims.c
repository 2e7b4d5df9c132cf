/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the host's side of reclaim costs, over the memory of a crafted guest: claiming a frame beside the compare-and-swap
 * that it cannot do without, taking memory beside the bare calls that make the same holes, and how many calls those are.
 * The keeper is the one of our VMM. Its calls of fallocate pass through this program, which notes them. Usage:
 * bench-claims
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "manage/host_slot.h"
#include "memory/rcu.h"
#include "tests/bench/claims_guest.h"
#include "tests/bench/ratios.h"
#include "tests/bench/small.h"

#define TURNS 9

/* Frames of each table. What is punched is touched before each turn, which takes most of the time. */
#define CLAIM_FRAMES UINT64_C(262144)
#define PUNCH_FRAMES UINT64_C(32768)
#define SMALL_FRAMES UINT64_C(4096)

struct call {
	off_t offset;
	off_t length;
};

/* The calls of fallocate since begin_calls: by the keeper. */
static struct {
	struct call *list; /* with room for one a frame */
	uint64_t room;
	uint64_t count;
	uint64_t
		ns; /* in all of them, if that is wanted: reading the clock costs as much as a short call */
	bool is_timed;
} calls;

/* Of this thread: other load only makes it wait. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length);

int __wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
	uint64_t start = calls.is_timed ? cpu_ns() : 0;
	int result = __real_fallocate(fd, mode, offset, length);

	if (calls.is_timed)
		calls.ns += cpu_ns() - start;
	if (calls.count < calls.room)
		calls.list[calls.count] = (struct call){offset, length};
	calls.count++;
	return result;
}

static void begin_calls(void)
{
	calls.count = calls.ns = 0;
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

/* ---- the keeper ---- */

static struct keeper keeper;
static struct gate gate;

static void begin_keeper(uint64_t frames)
{
	struct error err;

	if (claims_guest_create(frames, &err) < 0)
		fail("the guest", err.text);
	gate_init(&gate, &claims_guest.control);
	if (keeper_init(&keeper, &claims_guest.memory, &gate, false, &err) < 0 ||
	    keeper_follow(&keeper, claims_guest.guest, &err) < 0)
		fail("the keeper", err.text);
	calls.room = frames;
	calls.list = calloc(frames, sizeof(*calls.list));
	if (!calls.list)
		fail("the list of calls", "no memory");
}

static void end_keeper(void)
{
	free(calls.list);
	keeper_destroy(&keeper);
	gate_destroy(&gate);
	claims_guest_destroy();
}

/* Claims all that is free, as an order for all of it does. Returns the nanoseconds. */
static uint64_t claim_all(void)
{
	const struct keeper_wish wish = {.frames = UINT64_MAX};
	struct keeper_cursor cursor = {0};
	struct error err;
	bool more = true;

	begin_calls();
	uint64_t start = cpu_ns();

	while (more)
		if (keeper_claim(&keeper, &cursor, &wish, &more, &err) < 0)
			fail("claiming", err.text);
	return cpu_ns() - start;
}

static uint64_t release_all(void)
{
	struct keeper_cursor cursor = {0};
	struct error err;
	bool more = true;
	uint64_t start = cpu_ns();

	while (more)
		if (keeper_release(&keeper, &cursor, UINT64_MAX, false, &more, &err) < 0)
			fail("releasing", err.text);
	return cpu_ns() - start;
}

static void expect_held(uint64_t frames)
{
	if (ledger_held(&keeper.ledger) != frames)
		fail("claiming", "not all that is free was claimed, or more");
}

/* ---- what is free ---- */

static struct meta_slot *slot_of(uint64_t i)
{
	return &claims_guest.slots[claims_guest.first + i];
}

/* Which frames of the guest are free. */
struct pattern {
	const char *name;
	bool (*is_free)(uint64_t frame);
};

static bool all_are_free(uint64_t frame)
{
	(void)frame;
	return true;
}

/* No block is free as a whole, or next to nothing is in use: its frames are claimed one by one. */
static bool all_but_one(uint64_t frame)
{
	return frame % KEEPER_BLOCK_FRAMES != 0;
}

static bool runs_of_16(uint64_t frame)
{
	return frame % 32 < 16;
}

static bool every_other(uint64_t frame)
{
	return frame % 2 == 0;
}

/* Runs of 1 to 64 frames with 1 to 8 between them, as if at random. */
static bool mixed_runs(uint64_t frame)
{
	static uint64_t next,
		end; /* of the run that is being made, and where the one behind it begins */
	static uint64_t seed;

	if (frame == claims_guest.first || frame < end - 64)
		next = end = frame, seed = 88172645463325252;
	while (frame >= next) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		end = next + 1 + seed % 64;
		next = end + 1 + (seed >> 32) % 8;
	}
	return frame < end;
}

/* Returns how many runs are free, none of them longer than what is claimed at once. */
static uint64_t set_pattern(const struct pattern *pattern)
{
	bool was_free = false;
	uint64_t runs = 0;

	claims_guest.free = 0;
	for (uint64_t i = 0; i < claims_guest.frames; i++) {
		uint64_t frame = claims_guest.first + i;
		bool is_free = pattern->is_free(frame);

		slot_of(i)->state = slot_state(0, is_free ? REF_UNUSED : 1);
		runs += is_free && (!was_free || frame % KEEPER_BATCH == 0);
		claims_guest.free += is_free;
		was_free = is_free;
	}
	return runs;
}

/* ---- claiming and releasing frames without memory ---- */

/* As plain as can be: each slot is loaded once, and swapped once. Returns the nanoseconds. */
static uint64_t swap_all(uint32_t from, uint32_t to)
{
	uint64_t start = cpu_ns(), swapped = 0;

	for (uint64_t i = 0; i < claims_guest.frames; i++) {
		uint64_t state = host_slot_state(slot_of(i));

		if (slot_state_refs(state) == from)
			swapped += __atomic_compare_exchange_n(
				&slot_of(i)->state, &state,
				slot_state(slot_state_generation(state) + 1, to), false,
				__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
	uint64_t ns = cpu_ns() - start;

	if (swapped != claims_guest.free)
		fail("the floor", "a slot was not as it should be");
	return ns;
}

/* A frame's share of the times. */
static void print_row(const char *what, const struct pattern *pattern, double *run, double *floor,
		      double *ratios, double bar)
{
	char name[64];
	double free = (double)claims_guest.free;

	snprintf(name, sizeof(name), "%s%s", what, pattern->name);
	printf("%-34s %9.1f %9.1f", name, bench_median(run, TURNS) / free,
	       bench_median(floor, TURNS) / free);
	bench_print_ratios(ratios, TURNS, bar, true);
}

/* The calls that make holes are left out: there is no memory, so they find nothing, and they are the next rows' matter. */
static void run_claims(const struct pattern *pattern, double bar)
{
	double run[2][TURNS], floor[2][TURNS], ratios[2][TURNS];

	set_pattern(pattern);
	calls.is_timed = true;
	for (int turn = -1; turn < TURNS; turn++) {
		/* One warm-up turn. */
		int at = turn < 0 ? 0 : turn;

		floor[0][at] = (double)swap_all(REF_UNUSED, REF_HOST);
		floor[1][at] = (double)swap_all(REF_HOST, REF_UNUSED);
		run[0][at] = (double)claim_all();
		run[0][at] -= (double)calls.ns;
		expect_held(claims_guest.free);
		run[1][at] = (double)release_all();
		for (unsigned i = 0; i < 2; i++)
			ratios[i][at] = run[i][at] / floor[i][at];
	}
	calls.is_timed = false;
	print_row("claiming, ", pattern, run[0], floor[0], ratios[0], bar);
	print_row("releasing, ", pattern, run[1], floor[1], ratios[1], 0);
}

/* ---- taking memory ---- */

/* Gives all frames memory that is mapped. */
static void touch_all(void)
{
	for (uint64_t i = 0; i < claims_guest.frames; i++)
		*(volatile uint8_t *)claims_guest_bytes(claims_guest.first + i) = 1;
}

/* The same holes as the keeper made, by nothing but the calls. Returns the nanoseconds. */
static uint64_t punch_bare(void)
{
	uint64_t start = cpu_ns();

	for (uint64_t i = 0; i < calls.count; i++)
		if (__real_fallocate(claims_guest.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     calls.list[i].offset, calls.list[i].length))
			fail("the floor", "fallocate");
	return cpu_ns() - start;
}

/* Returns whether there were no more calls than runs. */
static bool run_punches(const struct pattern *pattern)
{
	double run[TURNS], floor[TURNS], ratios[TURNS], share[TURNS];
	const uint64_t runs = set_pattern(pattern);

	for (int turn = -1; turn < TURNS; turn++) {
		int at = turn < 0 ? 0 : turn;

		touch_all();
		run[at] = (double)claim_all();
		expect_held(claims_guest.free);
		release_all();
		touch_all();
		floor[at] = (double)punch_bare();
		ratios[at] = run[at] / floor[at];
		share[at] = (double)calls.count / (double)runs;
	}
	print_row("taking, ", pattern, run, floor, ratios, 1.2);
	printf("calls for each run, %-14s %9" PRIu64 " %9" PRIu64, pattern->name, calls.count,
	       runs);
	bench_print_ratios(share, TURNS, 1, true);
	return calls.count <= runs;
}

int main(void)
{
	static const struct pattern blocks = {"whole blocks", all_are_free};
	static const struct pattern singles = {"511 of 512", all_but_one};
	static const struct pattern patterns[] = {
		{"all", all_are_free},
		{"mixed runs", mixed_runs},
		{"runs of 16", runs_of_16},
		{"every other", every_other},
	};
	bool is_merged = true;

	urcu_memb_register_thread();
	printf("\nclaims of free memory, medians of %d turns; CPU time\n%-34s %9s %9s %8s %s\n",
	       TURNS, "", "ns/frame", "floor", "ratio", "[interval] bar");
	begin_keeper(bench_is_small() ? SMALL_FRAMES : CLAIM_FRAMES);
	run_claims(&blocks, 1.3);
	run_claims(&singles, 1.3);
	end_keeper();
	begin_keeper(bench_is_small() ? SMALL_FRAMES : PUNCH_FRAMES);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		is_merged = run_punches(&patterns[i]) && is_merged;
	end_keeper();
	urcu_memb_unregister_thread();
	if (!is_merged)
		fprintf(stderr, "bench: more calls than runs\n");
	return is_merged ? 0 : 1;
}
