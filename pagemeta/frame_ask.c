/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An allocation asks the keeper: see frame_ask.h. tests/model/wanted.pml models it.
 *
 *   asked, answered   sequentially consistent on both sides: each side writes one of the two and then reads the other, so
 *                     either the keeper sees the new ask when it looks again, or the CPU sees that all earlier ones were
 *                     answered, and rings. `answered` also acquires what was released for the ask.
 *   waiting           release, before the ask. The keeper sees it at the latest with the ask.
 *   gave_up           release; loaded acquire. Whoever finds its ticket still open need not wait as long once more.
 *   released, keeper  acquire: their partners are the keeper's release stores. `keeper` is loaded first: a keeper that
 *                     leaves has released everything before it says so.
 *
 * An ask is over once an attempt that began after its answer has failed. Until then others may have what was released
 * in their hands for a moment: an attempt that began earlier may have missed it. One ask is too few, for the host may
 * have taken again, or another CPU may have got, what it gave; as many as there may be CPUs are enough.
 *
 * A CPU that meets a frame of the host's may have more of them in its hand than it needs, to put them aside together
 * (frame_alloc_has_handful). Released meanwhile, they are found by no attempt, as often as it is made, until that CPU has
 * put them down; without a host they would have been in its cache, where others find them. So nobody is refused who has not
 * tried once more, after all that was released by the time when he last looked, and after each such CPU has done that.
 * `released` is loaded first, and a CPU says that it has a handful before it looks whose the frames are: so what is in a
 * hand that was not said by then was not released before that load, and its release moves `released` again. What is in a
 * hand and no more than its CPU needs may be found by nobody either: as it would be if that CPU had got it. Each CPU has one
 * hand, and keeps none up for a frame that is not the host's, so this ends.
 */
#include "frame_ask.h"

#include <pagevisor/keeper.h>

#if PLATFORM_KEEPER

static bool is_served(void)
{
	return __atomic_load_n(&frame_keeper.keeper, __ATOMIC_ACQUIRE) == KEEPER_SERVES;
}

static uint32_t load_released(void)
{
	return __atomic_load_n(&frame_keeper.released, __ATOMIC_ACQUIRE);
}

static uint32_t load_answered(void)
{
	return __atomic_load_n(&frame_keeper.answered, __ATOMIC_SEQ_CST);
}

/*
 * Whether a ticket lies in (after, upto]. Tickets wrap around, and one that is old enough looks as if it were still to
 * come: so whoever compares it has both ends.
 */
static bool is_in(uint32_t ticket, uint32_t after, uint32_t upto)
{
	return ticket - after - 1 < upto - after;
}

static uint32_t load_asked(void)
{
	return __atomic_load_n(&frame_keeper.asked, __ATOMIC_RELAXED);
}

/* What is needed; the most of what those need whose asks are open, as far as they do not ask at the same moment. */
static void store_need(uint64_t count, uint64_t align)
{
	uint32_t order = frame_alloc_order(count, align), other_order = 0;
	uint64_t other_count = 0;

	if (load_asked() != load_answered()) {
		other_order = __atomic_load_n(&frame_keeper.ask_order, __ATOMIC_RELAXED);
		other_count = __atomic_load_n(&frame_keeper.ask_frames, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&frame_keeper.ask_order, order > other_order ? order : other_order,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&frame_keeper.ask_frames, count > other_count ? count : other_count,
			 __ATOMIC_RELAXED);
}

/* Rings only if no earlier ask is open: whoever made that one has rung. */
static void ask_keeper(struct frame_ask *ask, uint64_t count, uint64_t align)
{
	if (ask->asks++ == 0) {
		__atomic_fetch_add(&frame_keeper.waiting, 1, __ATOMIC_RELEASE);
		ask->released = load_released();
	}
	store_need(count, align);
	__atomic_fetch_add(&frame_keeper.asks, 1, __ATOMIC_RELAXED);
	ask->ticket = __atomic_fetch_add(&frame_keeper.asked, 1, __ATOMIC_SEQ_CST) + 1;
	ask->is_answered = ask->is_settled = false;
	if (load_answered() == ask->ticket - 1)
		platform_keeper_ring();
}

/* Others have waited in vain, and there was no answer since. */
static bool is_given_up(void)
{
	uint32_t gave_up = __atomic_load_n(&frame_keeper.gave_up, __ATOMIC_ACQUIRE);
	uint32_t answered = load_answered();

	return is_in(gave_up, answered, load_asked());
}

static void give_up(uint32_t ticket)
{
	uint32_t newest = __atomic_load_n(&frame_keeper.gave_up, __ATOMIC_RELAXED);

	while (!is_in(newest, ticket - 1, load_asked()) &&
	       !__atomic_compare_exchange_n(&frame_keeper.gave_up, &newest, ticket, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* Whether any frame was released since the last attempt began. */
static bool was_released(struct frame_ask *ask)
{
	uint32_t before = ask->released;

	ask->released = load_released();
	return ask->released != before;
}

/*
 * Waits until there is a reason for another attempt. The answer is looked at first: what was released for it belongs
 * to the next attempt. False if there is none for long.
 */
static bool wait_for_keeper(struct frame_ask *ask)
{
	for (uint64_t turn = 0; turn < PLATFORM_KEEPER_TURNS; turn++) {
		bool has_left = !is_served();

		ask->is_answered = (int32_t)(load_answered() - ask->ticket) >= 0;
		if (was_released(ask) || ask->is_answered || has_left)
			return true;
		if (turn == PLATFORM_KEEPER_TURNS / 2)
			platform_keeper_ring();
		platform_relax();
	}
	give_up(ask->ticket);
	return false;
}

/*
 * Whether an attempt is worth it that begins when no CPU has a handful: when there is news, or the last one began earlier.
 * Where nothing was ever released, there is nothing to wait for.
 */
static bool settle(struct frame_ask *ask, bool is_news)
{
	if (!is_news && (ask->is_settled || load_released() == 0))
		return false;
	for (uint64_t turn = 0; turn < PLATFORM_KEEPER_TURNS && frame_alloc_has_handful(); turn++)
		platform_relax();
	ask->is_settled = true;
	return true;
}

static bool is_worth_another(struct frame_ask *ask, uint64_t count, uint64_t align)
{
	if (!frame_alloc_may_take(count, align))
		return false;
	if (!is_served())
		return settle(ask, was_released(ask));
	/* One that was answered is over: the attempt that has failed began behind its answer. */
	if (ask->asks == 0 || ask->is_answered) {
		if (ask->asks == PLATFORM_MAX_CPUS)
			return settle(ask, false);
		ask_keeper(ask, count, align);
	}
	return !is_given_up() && wait_for_keeper(ask);
}

bool frame_ask_again(struct frame_ask *ask, uint64_t count, uint64_t align)
{
	expect_task("the keeper asked in an interrupt handler");

	if (is_worth_another(ask, count, align))
		return true;
	/* Whoever holds memory back hears of it. */
	if (ask->asks || __atomic_load_n(&frame_keeper.keeper, __ATOMIC_RELAXED) != KEEPER_NONE)
		__atomic_fetch_add(&frame_keeper.refusals, 1, __ATOMIC_RELAXED);
	return false;
}

void frame_ask_end(struct frame_ask *ask)
{
	if (ask->asks)
		__atomic_fetch_sub(&frame_keeper.waiting, 1, __ATOMIC_RELEASE);
	*ask = FRAME_ASK_NONE;
}

#else

bool frame_ask_again(struct frame_ask *ask, uint64_t count, uint64_t align)
{
	(void)ask;
	(void)count;
	(void)align;
	return false;
}

void frame_ask_end(struct frame_ask *ask)
{
	(void)ask;
}

#endif
