/* SPDX-License-Identifier: MPL-2.0 */
/* What the CPUs and the keeper of the asks' replayer do; what stands in for the allocator and for the keeper's loop. */
#include <string.h>

#include "manage/host_slot.h"
#include "model/ask_actors.h"
#include "pagemeta/frame_ask.h"

/* The allocator's one list. */

void frame_pool_list(uint64_t first, unsigned order)
{
	if (order != 0 || asks.is_listed[first - FIRST])
		diverge("a frame is listed twice");
	slot_word_store(&host_meta_base[first].vtable_ptr, 0);
	asks.is_listed[first - FIRST] = true;
}

static uint64_t pop(void)
{
	unsigned frame = 0;

	asks.actors[asks.running].waits = false;
	asks.actors[asks.running].gives_up = false;
	step("pop_frame");
	while (frame < MODEL_FRAMES && !asks.is_listed[frame])
		frame++;
	asks.actors[asks.running].frame = frame;
	if (frame == MODEL_FRAMES)
		return FREE_LINK_NONE;
	asks.is_listed[frame] = false;
	return FIRST + frame;
}

/* Stands in for frame_alloc_next. */
static uint64_t next_frame(void)
{
	uint64_t frame = pop();

	if (frame != FREE_LINK_NONE)
		return frame;
	asks.actors[asks.running].knows_walks = false;
	frame_parked_walk_all();
	return pop();
}

/* Stands in for frame_put_aside_run. */
static void put_aside(uint64_t frame)
{
	step("park");
	asks.actors[asks.running].merges = true;
	spin_lock(&frame_pool.lock);
	frame_pool_put_aside(frame);
	spin_unlock(&frame_pool.lock);
	asks.actors[asks.running].merges = false;
}

/* Stands in for take_host_frames, with the pool's lock for the cache's. Returns FREE_LINK_NONE if there is no more. */
static uint64_t take_more(uint64_t frame)
{
	uint64_t other = frame == FIRST ? FIRST + 1 : FIRST;

	step("take_more");
	asks.actors[asks.running].merges = true;
	spin_lock(&frame_pool.lock);
	if (asks.is_listed[other - FIRST])
		frame_handful_begin();
	else
		other = FREE_LINK_NONE;
	asks.actors[asks.running].merges = false;
	if (other != FREE_LINK_NONE && frame_is_host(other)) {
		asks.is_listed[other - FIRST] = false;
	} else if (other != FREE_LINK_NONE) {
		frame_handful_end();
		other = FREE_LINK_NONE;
	}
	spin_unlock(&frame_pool.lock);
	return other;
}

/* Stands in for frame_alloc_next_failed. */
static void next_failed(uint64_t frame)
{
	const uint64_t more = asks.handful ? take_more(frame) : FREE_LINK_NONE;

	put_aside(frame);
	if (more == FREE_LINK_NONE)
		return;
	put_aside(more);
	frame_handful_end();
}

/* Stands in for frame_alloc_claim. */
static struct meta_slot *claim(uint64_t *busy)
{
	for (;;) {
		uint64_t frame = next_frame();

		if (frame == FREE_LINK_NONE)
			return NULL;

		enum ref_class found = slot_claim_begin(&host_meta_base[frame], busy);

		if (found == REF_CLASS_UNUSED)
			return &host_meta_base[frame];
		if (found != REF_CLASS_HOST)
			diverge("the allocator found a frame that is not unused");
		next_failed(frame);
	}
}

void run_allocation(void)
{
	struct meta_slot *slot;
	uint64_t busy;

	FRAME_ASK_UNTIL(slot = claim(&busy), slot, 1, 1);
	if (!slot) {
		step("refuse");
		asks.refused++;
		return;
	}
	slot_reset(slot, busy);
	step("list_frame");
	frame_pool_list(meta_to_pfn(slot).index, 0);
	asks.allocated++;
}

/* The keeper. */

static bool is_host(unsigned frame)
{
	return slot_state_refs(slot_of(frame)->state) == REF_HOST;
}

static void run_sweep(void)
{
	struct actor *self = &asks.actors[KEEPER];

	if (keeper_words_are_awaited(&asks.words))
		diverge("the keeper takes a frame while somebody waits");
	if (asks.comes)
		keeper_words_announce(&asks.words, KEEPER_SERVES);
	step("claim");
	self->merges = true;
	struct meta_slot *slot = slot_of(self->frame);
	uint64_t state = host_slot_state(slot);

	if (slot_state_refs(state) == REF_UNUSED && !host_slot_claim(slot, state))
		diverge("the keeper's claim fails");
	self->merges = false;
}

/* Without hints in the model the ring overflows at once, and the guest walks. */
static void say_released(uint64_t frame)
{
	struct actor *self = &asks.actors[KEEPER];

	if (asks.hinted) {
		keeper_words_hint(&asks.words, frame, frame + 1);
	} else {
		step("store_released");
		self->merges = true;
		for (unsigned i = 0; i < KEEPER_HINTS; i++)
			keeper_words_hint(&asks.words, frame, frame + 1);
	}
	keeper_words_release(&asks.words);
	self->merges = false;
}

static void release_some(uint64_t frames)
{
	struct actor *self = &asks.actors[KEEPER];

	for (unsigned frame = 0; frame < MODEL_FRAMES && frames > 0; frame++) {
		if (!is_host(frame))
			continue;
		self->frame = frame;
		step("release_slot");
		self->merges = true;
		if (!host_slot_release(slot_of(frame)))
			diverge("the keeper's release fails");
		self->merges = false;
		say_released(FIRST + frame);
		frames--;
	}
}

static void serve(void)
{
	struct keeper_ask ask;

	while (keeper_words_ask(&asks.words, &ask)) {
		release_some(ask.ticket - asks.words.answered);
		keeper_words_answer(&asks.words, ask.ticket);
	}
}

static void run_bell(void)
{
	step("hear");
	if (!asks.bell)
		diverge("nobody has rung");
	asks.bell = false;
	serve();
}

static void run_poll(void)
{
	struct keeper_ask ask;

	if (!keeper_words_ask(&asks.words, &ask))
		diverge("nobody has asked");
	serve();
}

static void run_coming_back(void)
{
	step("come_back");
	asks.bell = true;
}

static void run_leaving(void)
{
	if (asks.comes)
		release_some(MODEL_FRAMES);
	keeper_words_announce(&asks.words, KEEPER_NONE);
}

static const struct {
	const char *access; /* the first one */
	void (*run)(void);
} keeper_operations[] = {
	{"load_waiting", run_sweep},   {"hear", run_bell},
	{"load_asked", run_poll},      {"come_back", run_coming_back},
	{"release_slot", run_leaving}, {"store_keeper", run_leaving},
};

void (*keeper_operation(const char *access))(void)
{
	for (size_t i = 0; i < sizeof(keeper_operations) / sizeof(keeper_operations[0]); i++)
		if (strcmp(keeper_operations[i].access, access) == 0)
			return keeper_operations[i].run;
	diverge("the keeper begins nothing with this");
}
