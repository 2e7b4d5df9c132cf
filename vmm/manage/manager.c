/* SPDX-License-Identifier: MPL-2.0 */
/* The thread that manages a guest's memory: see manager.h. */
#include "manage/manager.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "kind/registry.h"
#include "manage/huge_pages.h"
#include "memory/rcu.h"
#include "sandbox/sandbox.h"

/* How often to look for an ask where there is no bell, and where there is one, in case it is lost. */
#define POLL_NS      NS_PER_MS
#define POLL_BELL_NS (50 * NS_PER_MS)

/*
 * How old the count of free frames may be from which a headroom is left. A count looks at each slot, 64 bytes a frame: often
 * enough for a slow order, and no burden for a fast one. In a large guest a count takes long itself: it takes a fifth of the
 * time at most.
 */
#define COUNT_MAX_NS     (250 * NS_PER_MS)
#define COUNT_COST_SHARE 4

/* A job: how far it has come, in frames. */
struct job {
	struct management_order order;
	bool is_ordered; /* its progress is that of the last order */
	uint64_t wanted;
	uint64_t got;
};

static uint64_t frames_of(uint64_t bytes)
{
	return bytes / PAGE_SIZE;
}

/* Finds the guest, or sees what has become of it. */
static int follow_guest(struct manager *manager, struct error *err)
{
	int result = guest_find_or_refresh(manager->memory, &manager->hints, &manager->guest, err);

	return result < 0 ? result : keeper_follow(&manager->keeper, manager->guest, err);
}

static int look(struct manager *manager, bool ages, struct error *err)
{
	const uint64_t begin_ns = clock_now_ns();
	int result = keeper_look(&manager->keeper, ages, &manager->seen, err);

	manager->seen_ns = clock_now_ns();
	manager->seen_cost_ns = manager->seen_ns - begin_ns;

	pthread_mutex_lock(&manager->lock);
	manager->status.flags |= MANAGEMENT_HAS_LOOKED;
	pthread_mutex_unlock(&manager->lock);
	manager_publish(manager);
	return result;
}

/* Looks once frames that were free at the last look have been so for long enough. Returns 0, or -ECANCELED. */
static int look_when_due(struct manager *manager, uint64_t older_ns, struct error *err)
{
	uint64_t due_ns = ages_due_ns(&manager->keeper.ages, older_ns);

	if (older_ns && !manager_wait_until(manager, due_ns))
		return -ECANCELED;
	if (older_ns)
		ages_begin(&manager->keeper.ages, older_ns, clock_now_ns());
	return look(manager, older_ns > 0, err);
}

/* After a batch: how long to wait so that the rate is kept. */
static bool keep_rate(struct manager *manager, uint64_t rate, uint64_t frames)
{
	uint64_t now = clock_now_ns();

	manager_attend(manager);
	if (rate == 0)
		return manager_wait_until(manager, now);
	if (manager->not_before_ns < now)
		manager->not_before_ns = now;
	manager->not_before_ns +=
		(uint64_t)((double)frames * PAGE_SIZE / (double)rate * (double)NS_PER_S);
	return manager_wait_until(manager, manager->not_before_ns);
}

/* What a target does between orders is no job. */
static void note_progress(struct manager *manager, const struct job *job)
{
	pthread_mutex_lock(&manager->lock);
	if (job->is_ordered) {
		manager->status.wanted_bytes = job->wanted * PAGE_SIZE;
		manager->status.got_bytes = job->got * PAGE_SIZE;
	}
	pthread_mutex_unlock(&manager->lock);
	manager_publish(manager);
}

/* After a batch of the keeper's. Returns 0; -ECANCELED if the work is to end; or the keeper's error. */
static int account(struct manager *manager, struct job *job, int result)
{
	if (result < 0)
		return result;
	job->got += (uint64_t)result;
	if (result > 0)
		note_progress(manager, job);
	return keep_rate(manager, job->order.rate, (uint64_t)result) ? 0 : -ECANCELED;
}

/* How much of what was free at the last look is no headroom. */
static uint64_t frames_to_spare(const struct manager *manager, const struct job *job)
{
	uint64_t headroom = frames_of(job->order.headroom), unused = manager->seen.unused;

	if (headroom == 0)
		return UINT64_MAX;
	return unused > headroom ? unused - headroom : 0;
}

/* The same, after a batch was claimed. Counts again now and then: the guest goes on meanwhile. */
static int spare_fewer(struct manager *manager, const struct job *job, uint64_t claimed,
		       uint64_t *spare, struct error *err)
{
	const uint64_t rest_ns = manager->seen_cost_ns * COUNT_COST_SHARE;
	const uint64_t due_ns = rest_ns > COUNT_MAX_NS ? rest_ns : COUNT_MAX_NS;

	*spare -= claimed < *spare ? claimed : *spare;
	if (job->order.headroom == 0 || clock_now_ns() - manager->seen_ns < due_ns)
		return 0;
	int result = look(manager, false, err);

	*spare = frames_to_spare(manager, job);
	return result;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Goes through all frames once, and claims. Returns 0, -ECANCELED, or the keeper's error. */
static int claim_once(struct manager *manager, struct job *job, struct error *err)
{
	uint64_t spare = frames_to_spare(manager, job);
	struct keeper_cursor cursor = {0};
	bool more = true;

	manager->keeper.cause = job->order.action;
	while (more && job->got < job->wanted && spare > 0) {
		const struct keeper_wish wish = {
			.frames = lesser(job->wanted - job->got, spare),
			.cold_only = job->order.older_ns > 0,
			.hard = job->order.flags & MANAGEMENT_HARD,
		};

		if (!manager_wait_for_allocations(manager))
			return -ECANCELED;
		const uint64_t before = ledger_held(&manager->keeper.ledger);
		int result = keeper_claim(&manager->keeper, &cursor, &wish, &more, err);
		const uint64_t held = ledger_held(&manager->keeper.ledger);
		const uint64_t claimed = held > before ? held - before : 0;

		/* A batch that failed half-way has got something, too, or has given back what an earlier one got. */
		if (result < 0)
			job->got += claimed - (held < before ? lesser(before - held, job->got) : 0);
		result = account(manager, job, result);
		if (result == 0)
			result = spare_fewer(manager, job, claimed, &spare, err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Claims once frames that were free at the last look have been so for long enough. */
static int claim_when_due(struct manager *manager, struct job *job, struct error *err)
{
	int result = look_when_due(manager, job->order.older_ns, err);

	return result < 0 ? result : claim_once(manager, job, err);
}

/*
 * Claims until the job has what it wants, or until it has seen all frames that were free for long enough when it
 * began: so it looks once more when that time has passed.
 */
static int claim(struct manager *manager, struct job *job, struct error *err)
{
	uint64_t begin_ns = clock_now_ns();
	int result;

	do {
		result = claim_when_due(manager, job, err);
	} while (result == 0 && job->got < job->wanted && job->order.older_ns > 0 &&
		 manager->keeper.ages.swept_ns < begin_ns + job->order.older_ns);
	return result;
}

static int release(struct manager *manager, struct job *job, struct error *err)
{
	struct keeper_cursor cursor = {0};
	bool more = true;

	manager->keeper.cause = job->order.action;
	while (more && job->got < job->wanted) {
		const uint64_t before = ledger_held(&manager->keeper.ledger);
		int result = keeper_release(&manager->keeper, &cursor, job->wanted - job->got,
					    job->order.flags & MANAGEMENT_POPULATE, &more, err);

		/* As above; but what a restart made void was not given back. */
		if (result < 0 && result != -ESTALE)
			job->got += before - ledger_held(&manager->keeper.ledger);
		result = account(manager, job, result);
		if (result < 0)
			return result;
	}
	return 0;
}

/*
 * How many frames the host is to hold for a target: what that leaves, or fewer where the guest would not have its headroom.
 * Counts what is free for that. Returns 0 or the keeper's error.
 */
static int frames_to_hold(struct manager *manager, const struct job *job, uint64_t target,
			  uint64_t *wanted, struct error *err)
{
	const uint64_t ram = frames_of(manager->status.ram_bytes);
	const uint64_t headroom = frames_of(job->order.headroom);

	*wanted = target < ram ? ram - target : 0;
	if (headroom == 0)
		return 0;
	int result = look(manager, false, err);
	uint64_t most = ledger_held(&manager->keeper.ledger) + manager->seen.unused;

	*wanted = lesser(*wanted, most > headroom ? most - headroom : 0);
	return result;
}

/* Claims or releases until the guest has no more and no less than a target. */
static int hold_target(struct manager *manager, struct job *job, bool waits, struct error *err)
{
	uint64_t target = job->order.bytes == MANAGEMENT_ALL ? 0 : frames_of(job->order.bytes);
	uint64_t wanted;
	int result = frames_to_hold(manager, job, target, &wanted, err);
	uint64_t held = ledger_held(&manager->keeper.ledger);
	struct job part = {.order = job->order, .wanted = held - wanted};

	if (result == 0 && held > wanted)
		result = release(manager, &part, err);

	/* Blocks are released whole: that may have been more. */
	held = ledger_held(&manager->keeper.ledger);
	if (result == 0 && held < wanted) {
		part = (struct job){.order = job->order, .wanted = wanted - held};
		result = waits ? claim(manager, &part, err) : claim_when_due(manager, &part, err);
	}
	held = ledger_held(&manager->keeper.ledger);
	/* In the words of the target: what the guest has left. */
	job->wanted = target;
	job->got = frames_of(manager->status.ram_bytes) - held;
	return result;
}

static enum management_reason reason_of(const struct job *job, int result)
{
	switch (result) {
	case 0:
		break;
	case -ECANCELED:
		return MANAGEMENT_CANCELLED;
	case -ESTALE:
		return MANAGEMENT_GUEST_LOST;
	default:
		return MANAGEMENT_FAILED;
	}
	/* A block is released whole. */
	if (job->got == job->wanted || job->order.bytes == MANAGEMENT_ALL ||
	    (job->order.action == MANAGEMENT_RELEASE && job->got > job->wanted))
		return MANAGEMENT_GOT_ALL;
	return job->order.action == MANAGEMENT_RELEASE ? MANAGEMENT_NOT_HELD : MANAGEMENT_NOT_FREE;
}

static int work(struct manager *manager, struct job *job, struct error *err)
{
	manager->awaited_ns = 0;
	bool all = job->order.bytes == MANAGEMENT_ALL;
	int result;

	switch (job->order.action) {
	case MANAGEMENT_RECLAIM:
		job->wanted = all ? UINT64_MAX / PAGE_SIZE : frames_of(job->order.bytes);
		result = claim(manager, job, err);
		break;
	case MANAGEMENT_RELEASE:
		job->wanted = all ? ledger_held(&manager->keeper.ledger)
				  : frames_of(job->order.bytes);
		result = release(manager, job, err);
		break;
	case MANAGEMENT_TARGET:
		return hold_target(manager, job, true, err);
	default:
		return 0;
	}
	return result;
}

/* Of all that there was: what is left is what the last look has found. */
static void count_all(const struct manager *manager, struct job *job, int result)
{
	const struct keeper_sweep *seen = &manager->seen;

	if (job->order.action != MANAGEMENT_RECLAIM || job->order.bytes != MANAGEMENT_ALL)
		return;
	job->wanted = job->got;
	if (result < 0)
		job->wanted += lesser(job->order.older_ns ? seen->cold : seen->unused,
				      frames_to_spare(manager, job));
}

/* Of an order that could not begin: what was wanted, and what a target finds. */
static void note_undone(const struct manager *manager, struct job *job)
{
	job->wanted = job->order.bytes == MANAGEMENT_ALL ? 0 : frames_of(job->order.bytes);
	if (job->order.action == MANAGEMENT_TARGET)
		job->got = frames_of(manager->status.ram_bytes) -
			   ledger_held(&manager->keeper.ledger);
}

static void finish(struct manager *manager, const struct job *job, enum management_reason reason,
		   int result)
{
	bool is_look = job->order.action == MANAGEMENT_LOOK;

	note_progress(manager, job);
	pthread_mutex_lock(&manager->lock);
	manager->status.look_reason = reason;
	if (!is_look) {
		manager->status.reason = reason;
		manager->status.error = reason == MANAGEMENT_FAILED ? result : 0;
	}
	manager->status.flags &= ~MANAGEMENT_IS_AT_WORK;
	manager->is_cancelled = false;
	pthread_mutex_unlock(&manager->lock);
}

static void do_order(struct manager *manager, const struct management_order *order)
{
	struct job job = {.order = *order, .is_ordered = order->action != MANAGEMENT_LOOK};
	struct error ignored;
	int result = follow_guest(manager, &ignored);

	if (result < 0) {
		note_undone(manager, &job);
		finish(manager, &job, MANAGEMENT_NO_GUEST, result);
		return;
	}
	result = work(manager, &job, &ignored);
	/* Counts that are as new as the job's end. */
	if (result != -ESTALE)
		look(manager, false, &ignored);
	count_all(manager, &job, result);
	finish(manager, &job, reason_of(&job, result), result);
}

/* Between orders. A guest that is not there yet, or lies, is tried again, and so is a try that an order has ended. */
static void keep_target(struct manager *manager, const struct management_order *target)
{
	struct job job = {.order = *target};
	struct error ignored;
	int result = follow_guest(manager, &ignored);

	if (result == 0)
		result = hold_target(manager, &job, false, &ignored);
	manager_publish(manager);
	if (result != -ECANCELED)
		manager->target_due_ns = clock_now_ns() +
					 (target->older_ns ? target->older_ns : MANAGER_OLDER_NS);
}

/* Waits for something to do. Returns false when the thread is to end. */
static bool next(struct manager *manager, struct management_order *order, bool *is_order)
{
	pthread_mutex_lock(&manager->lock);
	while (!manager->stopping && !manager->has_order &&
	       !(manager->has_target && clock_now_ns() >= manager->target_due_ns))
		manager_wait_once(manager,
				  manager->has_target ? manager->target_due_ns : UINT64_MAX);
	*is_order = manager->has_order;
	*order = manager->has_order ? manager->order : manager->target;
	manager->has_order = false;
	bool go_on = !manager->stopping;

	pthread_mutex_unlock(&manager->lock);
	return go_on;
}

static void *manage(void *argument)
{
	struct manager *manager = argument;
	struct management_order order;
	bool is_order;

	sandbox_enter(SANDBOX_MANAGER);
	urcu_memb_register_thread();
	while (next(manager, &order, &is_order))
		if (is_order)
			do_order(manager, &order);
		else
			keep_target(manager, &order);
	urcu_memb_unregister_thread();
	return NULL;
}

int manager_init(struct manager *manager, const struct guest_memory *memory, int memory_fd,
		 const struct control *engine_control, const struct guest_hints *hints,
		 bool has_bell, bool maps_huge, struct error *err)
{
	memset(manager, 0, sizeof(*manager));
	manager->memory = memory;
	manager->memory_fd = memory_fd;
	manager->hints = *hints;
	manager->poll_ns = has_bell ? POLL_BELL_NS : POLL_NS;
	manager->has_huge_pages = huge_pages_are_in_force(maps_huge);
	gate_init(&manager->gate, engine_control);
	int result =
		keeper_init(&manager->keeper, memory, &manager->gate, manager->has_huge_pages, err);

	if (result < 0) {
		gate_destroy(&manager->gate);
		return result;
	}
	manager->keeper.between = manager_attend;
	manager->keeper.context = manager;
	manager->control = gate_control(&manager->gate);
	manager->status.ram_bytes = guest_memory_size(memory);
	manager->status.flags = manager->has_huge_pages ? MANAGEMENT_HUGE_PAGES : 0;
	pthread_mutex_init(&manager->lock, NULL);
	thread_condition_init(&manager->changed);
	return 0;
}

int manager_start(struct manager *manager, struct error *err)
{
	int result = thread_start(&manager->thread, manage, manager, err);

	manager->is_started = result == 0;
	return result;
}

void manager_destroy(struct manager *manager)
{
	guest_free(manager->guest);
	keeper_destroy(&manager->keeper);
	gate_destroy(&manager->gate);
	pthread_cond_destroy(&manager->changed);
	pthread_mutex_destroy(&manager->lock);
}
