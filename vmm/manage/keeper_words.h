/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The host's side of the page that a guest's allocator shares with its keeper: pagevisor/keeper.h has the words,
 * who writes them, and their orders. What the guest writes is loaded once and bounds what is done. What the host
 * writes is written from its own copies: the guest could change the page. Used by one thread.
 */
#ifndef VMM_KEEPER_WORDS_H
#define VMM_KEEPER_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/address.h>
#include <pagevisor/keeper.h>

#include "memory/control.h"
#include "memory/guest_memory.h"

struct keeper_words {
	const struct guest_memory *memory;
	const struct control *control; /* its dirty log has each write */
	paddr_t page;
	enum keeper_state state; /* as the guest knows it */
	uint32_t released;
	uint32_t answered;
	uint32_t hint_head;
};

/* What an allocation needs that has found nothing. */
struct keeper_ask {
	uint32_t ticket;
	uint32_t order; /* of the block that it needs, if that is more than a frame */
	uint64_t frames;
};

/*
 * The page of a guest that nobody holds frames of. The host's words are zero if it has just booted; in one that was restored,
 * they go on from where its last keeper left them (manage/adopt.h).
 */
void keeper_words_begin(struct keeper_words *words, const struct guest_memory *memory,
			const struct control *control, paddr_t page);

/* The guest has gone, and the page with it. */
void keeper_words_forget(struct keeper_words *words);

/* Tells the guest whether asks are served. Who has said KEEPER_SERVES serves an ask soon, if there is one. */
void keeper_words_announce(struct keeper_words *words, enum keeper_state state);

/* Names the frames [first, end), which have been released, to the guest: as blocks, before keeper_words_release. */
void keeper_words_hint(struct keeper_words *words, uint64_t first, uint64_t end);

/* The slots of a batch have been released. */
void keeper_words_release(struct keeper_words *words);

/* Whether there is an ask that was not answered; the newest one stands for all of them. */
bool keeper_words_ask(const struct keeper_words *words, struct keeper_ask *ask);

/* Whatever is to be released for asks up to this one has been. Ask once more for another one afterwards. */
void keeper_words_answer(struct keeper_words *words, uint32_t ticket);

/* Whether an allocation waits for frames: nothing is to be claimed then. */
bool keeper_words_are_awaited(const struct keeper_words *words);

/* How many allocations have failed although there was a keeper, as the guest counts. */
uint64_t keeper_words_refusals(const struct keeper_words *words);

#endif
