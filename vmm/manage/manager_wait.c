/* SPDX-License-Identifier: MPL-2.0 */
/* How the manager waits, and serves the guest's asks meanwhile: see manager.h. */
#include "manage/manager.h"

#include "base/clock.h"
#include "base/thread.h"

/* Asks that are served in a row: a hostile guest must not keep the thread from its work. */
#define ASKS_AT_ONCE 64

/* For how long an allocation that waits keeps the host from claiming. */
#define AWAITED_MAX_NS (100 * NS_PER_MS)

/* Whether what is at work is to end; an order ends the work for a target. Called with the lock held. */
static bool must_end(const struct manager *manager)
{
	return manager->stopping || manager->is_cancelled || manager->has_order;
}

static bool is_stopping(struct manager *manager)
{
	pthread_mutex_lock(&manager->lock);
	bool is = manager->stopping;

	pthread_mutex_unlock(&manager->lock);
	return is;
}

void manager_publish(struct manager *manager)
{
	const struct keeper *keeper = &manager->keeper;
	struct management_status *status = &manager->status;

	pthread_mutex_lock(&manager->lock);
	status->managed_frames = manager->seen.managed;
	status->unused_frames = manager->seen.unused;
	status->cold_frames = manager->seen.cold;
	status->forged_frames = manager->seen.forged;
	status->hard_frames = keeper->ledger.hard;
	status->soft_frames = ledger_held(&keeper->ledger) - keeper->ledger.hard;
	status->claimed_frames = keeper->counts.claimed;
	status->released_frames = keeper->counts.released;
	status->taken_back_frames = keeper->counts.taken_back;
	status->lost_races = keeper->counts.lost;
	status->punches = keeper->counts.punches;
	status->restarts = keeper->counts.restarts;
	status->asks = keeper->counts.asks;
	status->asked_frames = keeper->counts.asked;
	status->refilled_frames = keeper->counts.refilled;
	status->refusals = keeper_words_refusals(&keeper->words);
	pthread_mutex_unlock(&manager->lock);
}

/* Whether the guest's asks have cost no more than they may. */
static bool may_serve(const struct manager *manager)
{
	const uint64_t now = clock_now_ns();

	return ask_budget_open_ns(&manager->asks, now) <= now;
}

/* Serves one ask, if there is one. Returns whether there may be another. */
static bool serve(struct manager *manager)
{
	const uint64_t begin_ns = clock_thread_ns();
	const bool was_asked = keeper_serve(&manager->keeper);

	if (was_asked)
		ask_budget_spend(&manager->asks, clock_now_ns(), clock_thread_ns() - begin_ns);
	return was_asked;
}

void manager_attend(void *context)
{
	struct manager *manager = context;
	struct keeper *keeper = &manager->keeper;
	uint64_t before = keeper->counts.asks;

	keeper_announce(keeper);
	int served = 0;

	/* Where much is held, an ask may take long: a VM that is to end does not wait for all of them. */
	while (served < ASKS_AT_ONCE && !is_stopping(manager) && may_serve(manager) &&
	       serve(manager))
		served++;
	keeper_announce(keeper);
	if (keeper->words.state != KEEPER_SERVES && may_serve(manager))
		serve(manager);
	/* Whoever asks while another ask is open does not ring. */
	if (served == ASKS_AT_ONCE || !may_serve(manager))
		manager_ring(manager);
	if (before != keeper->counts.asks)
		manager_publish(manager);
}

void manager_wait_once(struct manager *manager, uint64_t due_ns)
{
	const uint64_t now = clock_now_ns();
	uint64_t look_ns = UINT64_MAX;
	const uint64_t open_ns = ask_budget_open_ns(&manager->asks, now);

	if (manager->has_rung)
		look_ns = open_ns;
	else if (manager->keeper.words.state)
		look_ns = now + manager->poll_ns > open_ns ? now + manager->poll_ns : open_ns;
	if (look_ns > now)
		thread_wait_until(&manager->changed, &manager->lock,
				  due_ns < look_ns ? due_ns : look_ns);
	if (clock_now_ns() < open_ns)
		return;
	const bool was_rung = manager->has_rung;

	manager->has_rung = false;
	pthread_mutex_unlock(&manager->lock);
	manager_attend(manager);
	/* Afterwards: who has just enough serves somebody. */
	if (was_rung)
		ask_budget_spend(&manager->asks, clock_now_ns(), ASK_RING_NS);
	pthread_mutex_lock(&manager->lock);
}

bool manager_wait_until(struct manager *manager, uint64_t due_ns)
{
	pthread_mutex_lock(&manager->lock);
	while (!must_end(manager) && clock_now_ns() < due_ns)
		manager_wait_once(manager, due_ns);
	bool go_on = !must_end(manager);

	pthread_mutex_unlock(&manager->lock);
	return go_on;
}

bool manager_wait_for_allocations(struct manager *manager)
{
	while (keeper_words_are_awaited(&manager->keeper.words)) {
		uint64_t now = clock_now_ns();

		if (!manager->awaited_ns)
			manager->awaited_ns = now;
		if (now - manager->awaited_ns >= AWAITED_MAX_NS)
			return true;
		if (!manager_wait_until(manager, now + NS_PER_MS)) {
			manager->awaited_ns = 0;
			return false;
		}
	}
	manager->awaited_ns = 0;
	return true;
}
