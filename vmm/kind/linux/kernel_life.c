/* SPDX-License-Identifier: MPL-2.0 */
/* Which of several kernels is alive: see kernel_life.h. */
#include "kind/linux/kernel_life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Sleeps between two looks at the clocks: a tick takes one to ten milliseconds, and a loaded host makes it longer. */
#define SLEEP_FIRST_NS (1 * NS_PER_MS)
#define SLEEP_MAX_NS   (16 * NS_PER_MS)

/* Once one ticks, the others get this much time: where one process runs, no kernel has stopped its tick. */
#define OTHERS_WAIT_NS (250 * NS_PER_MS)

/* jiffies_64 starts five minutes before its lower half wraps (INITIAL_JIFFIES), at up to 1000 a second. */
#define JIFFIES_MIN (UINT64_C(0x100000000) - 300 * 1000)

/*
 * struct tk_data, or before 6.13 the nameless one of tk_core: a seqcount, and at 8 the struct timekeeper, whose first
 * member, tkr_mono, is a struct tk_read_base. All kernels since 5.10 have that.
 */
#define TIMEKEEPER_CLOCK 8
struct clock_base {
	uint64_t clock, mask, cycle_last;
	uint32_t mult, shift;
	uint64_t xtime_nsec, base, base_real;
};

#define CLOCK_SHIFT_MAX 32

/*
 * Kernels of one build have the same symbols, moved by as much as _stext. For one whose own are gone: the build is what the
 * other says, which may be made up.
 */
static bool take_symbols_of(struct kernel_candidate *candidate,
			    const struct kernel_candidate *other)
{
	const struct vmcoreinfo *a = &candidate->info, *b = &other->info;
	uint64_t own, others;

	if (!other->jiffies_va || a->build_id_size == 0 || a->build_id_size != b->build_id_size ||
	    memcmp(a->build_id, b->build_id, a->build_id_size) != 0 ||
	    !vmcoreinfo_symbol(a, "_stext", &own) || !vmcoreinfo_symbol(b, "_stext", &others))
		return false;
	candidate->jiffies_va = other->jiffies_va + own - others;
	candidate->timekeeper_va = other->timekeeper_va ? other->timekeeper_va + own - others : 0;
	return true;
}

/* Images that are opened: a guest may make up many kernels, and each costs time. Six dead ones were seen at most. */
#define OPENED_MAX 16

/* Returns false if it has no symbols, although it says where they are. */
static bool find_clocks(struct kernel_candidate *candidate)
{
	/* The second name of tk_core is of 6.17 and later. */
	struct kallsyms_symbol symbols[] = {
		{"jiffies_64", 0}, {"tk_core", 0}, {"timekeeper_data", 0}};
	struct error ignored;
	uint64_t names;
	int result = kernel_candidate_open(candidate, &ignored);

	if (result < 0)
		return result == -ENOMEM ||
		       !vmcoreinfo_symbol(&candidate->info, "kallsyms_names", &names);
	kallsyms_find(&candidate->symbols->table, symbols, 3);
	candidate->jiffies_va = symbols[0].va;
	candidate->timekeeper_va = symbols[1].va ? symbols[1].va : symbols[2].va;
	return true;
}

/* Returns false if there is none, or it is no time that jiffies_64 can have. */
static bool read_jiffies(const struct kernel_candidate *candidate, uint64_t *jiffies)
{
	return candidate->jiffies_va &&
	       kernel_space_word(&candidate->space, candidate->jiffies_va, jiffies) == 0 &&
	       *jiffies >= JIFFIES_MIN;
}

/*
 * Where a dead kernel had its clock there may be anything by now, such as lists' ends, which would be later than any clock.
 * Clock sources are part of the image or of a module.
 */
static bool is_clock(const struct clock_base *base)
{
	return base->clock >= KERNEL_MAP_BASE && base->mask &&
	       (base->mask & (base->mask + 1)) == 0 && base->mult &&
	       base->shift <= CLOCK_SHIFT_MAX && base->base_real <= INT64_MAX;
}

static void read_wall_clock(struct kernel_candidate *candidate)
{
	struct clock_base base;

	if (candidate->timekeeper_va &&
	    kernel_space_copy(&candidate->space, candidate->timekeeper_va + TIMEKEEPER_CLOCK, &base,
			      sizeof(base)) == 0 &&
	    is_clock(&base))
		candidate->wall_clock = base.base_real;
}

/* Looks at the clocks of those that are not known to tick. Returns how many are not, and sets *ticking. */
static unsigned look(struct kernel_candidate *candidates, unsigned count, unsigned *ticking)
{
	unsigned still = 0;

	*ticking = 0;
	for (unsigned i = 0; i < count; i++) {
		struct kernel_candidate *candidate = &candidates[i];
		uint64_t jiffies;

		if (candidate->life == KERNEL_LIFE_STILL && read_jiffies(candidate, &jiffies) &&
		    jiffies > candidate->jiffies && jiffies - candidate->jiffies <= UINT32_MAX)
			candidate->life = KERNEL_LIFE_TICKS;
		still += candidate->life == KERNEL_LIFE_STILL;
		*ticking += candidate->life == KERNEL_LIFE_TICKS;
	}
	return still;
}

static void wait_for_ticks(struct kernel_candidate *candidates, unsigned count, uint64_t wait_ns)
{
	uint64_t end = clock_now_ns() + wait_ns, sleep = SLEEP_FIRST_NS;
	unsigned ticking, had_ticking = 0;

	while (look(candidates, count, &ticking) > 0) {
		uint64_t now = clock_now_ns();

		if (ticking > 0 && had_ticking == 0 && end > now + OTHERS_WAIT_NS)
			end = now + OTHERS_WAIT_NS;
		had_ticking = ticking;
		if (now >= end)
			break;
		clock_sleep_ns(sleep < end - now ? sleep : end - now);
		if (sleep < SLEEP_MAX_NS)
			sleep *= 2;
	}
}

/* Memory that never changes, as of a capture. */
static bool is_constant(const struct guest_memory *memory)
{
	bool result = true;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	for (unsigned i = 0; result && i < map->count; i++)
		result = map->regions[i].reader.is_constant;
	guest_memory_read_end();
	return result;
}

/* Those that run are all: see kernel_keep_running. */
static bool are_judged(const struct kernel_candidate *candidates, unsigned count)
{
	return count == 0 || candidates[0].life == KERNEL_LIFE_TICKS;
}

void kernel_life_watch(struct kernel_candidate *candidates, unsigned count, uint64_t wait_ns)
{
	if (are_judged(candidates, count))
		return;

	bool waits = wait_ns > 0 && !is_constant(candidates[0].space.memory);

	if (!waits && count == 1)
		return;
	for (unsigned i = 0; i < count; i++) {
		struct kernel_candidate *candidate = &candidates[i];

		if (i < OPENED_MAX && !find_clocks(candidate) && waits)
			candidate->life = KERNEL_LIFE_OVERWRITTEN;
		for (unsigned j = 0; !candidate->jiffies_va && j < i; j++)
			take_symbols_of(candidate, &candidates[j]);
		if (count > 1)
			kernel_candidate_close(candidate);
		read_wall_clock(candidate);
		if (waits && read_jiffies(candidate, &candidate->jiffies))
			candidate->life = KERNEL_LIFE_STILL;
	}
	if (waits)
		wait_for_ticks(candidates, count, wait_ns);
}

/* Lists those of one life, after what is said of them; what does not fit is left out. */
static int not_unique(const struct kernel_candidate *candidates, unsigned count, bool ticks,
		      const char *what, struct error *err)
{
	char list[256] = "";
	size_t length = 0;

	for (unsigned i = 0; i < count && length < sizeof(list); i++)
		if (!ticks || candidates[i].life == KERNEL_LIFE_TICKS)
			length += (size_t)snprintf(list + length, sizeof(list) - length,
						   "%s%s at %#" PRIx64, length ? ", " : "",
						   candidates[i].info.release,
						   candidates[i].info.at.addr);
	return error_set(err, -ENOTUNIQ, "%s: %s", what, list);
}

static int latest(const struct kernel_candidate *candidates, unsigned count)
{
	unsigned best = 0, equal = 0;
	uint64_t last = 0;

	for (unsigned i = 0; i < count; i++) {
		if (candidates[i].life == KERNEL_LIFE_OVERWRITTEN ||
		    candidates[i].wall_clock < last)
			continue;
		equal = candidates[i].wall_clock == last ? equal + 1 : 1;
		last = candidates[i].wall_clock;
		best = i;
	}
	return equal == 1 ? (int)best : -1;
}

int kernel_choose(const struct kernel_candidate *candidates, unsigned count, bool *is_proven,
		  struct error *err)
{
	unsigned ticking = 0, last = 0, overwritten = 0;

	for (unsigned i = 0; i < count; i++)
		if (candidates[i].life == KERNEL_LIFE_TICKS) {
			ticking++;
			last = i;
		} else if (candidates[i].life == KERNEL_LIFE_OVERWRITTEN) {
			overwritten++;
		}
	*is_proven = ticking == 1;
	if (ticking == 1)
		return (int)last;
	if (ticking > 1)
		return not_unique(candidates, count, true,
				  "several Linux kernels run in this memory, one of them is faked",
				  err);
	if (count == 0)
		return error_set(err, -ENOENT, "there is no Linux kernel in this memory");
	if (overwritten == count)
		return error_set(
			err, -EAGAIN,
			"the guest boots: Linux %s, which is in its memory, is overwritten",
			candidates[0].info.release);

	int best = latest(candidates, count);

	if (best >= 0)
		return best;
	return not_unique(candidates, count, false,
			  "several Linux kernels are in this memory, and nothing tells which runs",
			  err);
}
