/* SPDX-License-Identifier: MPL-2.0 */
/* Which accesses are steps of the model, and the accesses themselves: see ask_steps.h. */
#include <string.h>

#include "model/ask_actors.h"

static unsigned holder;         /* of the pool's lock; 0: nobody */
static unsigned released_loads; /* that acquired, since it was taken */
static const void *hands;       /* frame_parked.c's count of handfuls */

/* No actor runs: the word that is loaded is kept. */
void steps_begin(void)
{
	holder = 0;
	hands = NULL;
	(void)frame_alloc_has_handful();
}

void step(const char *access)
{
	struct actor *self = &asks.actors[asks.running];

	if (asks.running == 0 || self->merges)
		return;
	self->access = access;
	swapcontext(&self->context, &asks.scheduler);
}

static bool is_state(const void *word)
{
	for (unsigned i = 0; i < MODEL_FRAMES; i++)
		if (word == &host_meta_base[FIRST + i].state)
			return true;
	return false;
}

static void load_released_steps(int order)
{
	/* With the lock, hints are looked at behind the first that acquires, and a walk begins with the second. */
	if (order == __ATOMIC_RELAXED && holder != asks.running)
		step("load_stale");
	else if (order == __ATOMIC_ACQUIRE && holder != asks.running)
		step("load_released");
	else if (order == __ATOMIC_ACQUIRE && ++released_loads && asks.hinted)
		step("load_released");
}

static void load_steps_of_cpu(struct actor *self, const void *word, int order)
{
	if (word == &frame_keeper.released) {
		load_released_steps(order);
	} else if (word == &frame_keeper.keeper && order == __ATOMIC_ACQUIRE) {
		step("load_keeper");
	} else if (word == &frame_keeper.answered) {
		if (self->waits || strcmp(self->access, "add_asked") == 0)
			step("load_answered");
	} else if (word == &frame_keeper.gave_up && order == __ATOMIC_ACQUIRE && asks.stuck) {
		step("load_gave_up");
	} else if (word == &frame_keeper.hint_head && asks.hinted && released_loads == 1) {
		step("load_head");
	} else if (word >= (void *)frame_keeper.hints && word < (void *)(&frame_keeper + 1)) {
		step("load_hint");
	} else if (word == &frame_pool.walks && !self->knows_walks) {
		self->knows_walks = true;
		step("load_walks");
	} else if (word == hands && !is_mutant("hands-not-loaded")) {
		step("load_hands");
	} else if (is_state(word)) {
		step(order == __ATOMIC_ACQUIRE ? "look_at" : "load_state");
	}
}

static uint64_t value_of(const void *word, size_t size)
{
	if (size == sizeof(uint32_t))
		return *(const uint32_t *)word;
	return *(const uint64_t *)word;
}

static void set(void *word, size_t size, uint64_t value)
{
	if (size == sizeof(uint32_t))
		*(uint32_t *)word = (uint32_t)value;
	else
		*(uint64_t *)word = value;
}

uint64_t step_load(const void *word, size_t size, int order)
{
	if (asks.running == KEEPER && word == &frame_keeper.waiting)
		step("load_waiting");
	else if (asks.running == KEEPER && word == &frame_keeper.asked)
		step("load_asked");
	else if (asks.running == 0 && !hands)
		hands = word;
	else if (asks.running != 0 && asks.running != KEEPER)
		load_steps_of_cpu(&asks.actors[asks.running], word, order);
	if (is_mutant("stale-unseen") && word == &frame_keeper.released &&
	    order == __ATOMIC_RELAXED)
		return frame_pool.seen;
	if (is_mutant("head-not-reloaded") && word == &frame_keeper.hint_head &&
	    order == __ATOMIC_RELAXED)
		return frame_pool.hint_seen;
	return value_of(word, size);
}

void step_store(void *word, size_t size, uint64_t value)
{
	if (word == &frame_pool.lock.locked)
		holder = 0;
	else if (word == &frame_keeper.released)
		step("store_released");
	else if (word == &frame_keeper.answered)
		step("store_answered");
	else if (word == &frame_keeper.keeper)
		step("store_keeper");
	else if (word == &frame_keeper.hint_head)
		step("store_head");
	else if (word >= (void *)frame_keeper.hints && word < (void *)(&frame_keeper + 1))
		step("store_hint");
	else if (is_state(word))
		step("reset_state");
	set(word, size, value);
}

uint64_t step_add(void *word, size_t size, uint64_t value)
{
	if (word == &frame_keeper.waiting)
		step((uint32_t)value == 1 ? "add_waiting" : "sub_waiting");
	else if (word == &frame_keeper.asked)
		step("add_asked");
	else if (word == hands && (uint32_t)value != 1)
		step("sub_hands");

	uint64_t old = value_of(word, size);

	if (!(is_mutant("waiting-stays") && word == &frame_keeper.waiting &&
	      (uint32_t)value != 1) &&
	    !(is_mutant("hands-unsaid") && word == hands))
		set(word, size, old + value);
	return old;
}

uint64_t step_exchange(void *word, size_t size, uint64_t value)
{
	uint64_t old;

	step("lock_pool");
	old = value_of(word, size);
	if (old)
		diverge("the lock is held");
	set(word, size, value);
	holder = asks.running;
	released_loads = 0;
	return old;
}

/*
 * The model has no generation. A claim that fails for no other reason is tried again as part of the same step; the code
 * does so in a loop.
 */
bool step_cas(void *word, size_t size, void *expected, uint64_t desired, bool weak)
{
	static bool again;

	if (is_state(word) && !again)
		step("cas_state");
	again = false;

	uint64_t old = value_of(word, size);

	if (is_mutant("gives-up-unsaid") && word == &frame_keeper.gave_up)
		return true;
	if (old == value_of(expected, size)) {
		set(word, size, desired);
		return true;
	}
	again = weak && slot_state_refs(old) == REF_UNUSED;
	set(expected, size, old);
	return false;
}

uint64_t step_turns(void)
{
	asks.actors[asks.running].waits = true;
	return asks.actors[asks.running].gives_up ? 0 : UINT64_MAX;
}

void step_relax(void)
{
	step("turn");
}

void step_ring(void)
{
	step("ring");
	asks.bell = true;
}
