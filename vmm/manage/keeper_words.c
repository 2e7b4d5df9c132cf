/* SPDX-License-Identifier: MPL-2.0 */
/* The page that a guest's allocator shares with its keeper: see keeper_words.h. */
#include "manage/keeper_words.h"

#include <stddef.h>

/* The page, in a region that stays, so that it is used after the read-side section; NULL: there is none. */
static struct keeper_page *page_of(const struct keeper_words *words)
{
	if (words->page.addr == 0)
		return NULL;
	guest_memory_read_begin();
	struct keeper_page *page = memory_map_at(guest_memory_map(words->memory), words->page,
						 sizeof(struct keeper_page));

	guest_memory_read_end();
	return page;
}

static void tell_log(const struct keeper_words *words)
{
	control_host_wrote(words->control, words->page, sizeof(struct keeper_page));
}

void keeper_words_begin(struct keeper_words *words, const struct guest_memory *memory,
			const struct control *control, paddr_t page)
{
	*words = (struct keeper_words){.memory = memory, .control = control, .page = page};
	const struct keeper_page *found = page_of(words);

	if (!found)
		return;
	words->released = __atomic_load_n(&found->released, __ATOMIC_RELAXED);
	words->answered = __atomic_load_n(&found->answered, __ATOMIC_RELAXED);
	words->hint_head = __atomic_load_n(&found->hint_head, __ATOMIC_RELAXED);
}

void keeper_words_forget(struct keeper_words *words)
{
	words->page = paddr(0);
	words->state = KEEPER_NONE;
}

void keeper_words_announce(struct keeper_words *words, enum keeper_state state)
{
	struct keeper_page *page = page_of(words);

	words->state = page ? state : KEEPER_NONE;
	if (!page)
		return;
	__atomic_store_n(&page->keeper, (uint32_t)state, __ATOMIC_RELEASE);
	tell_log(words);
}

/*
 * One hint at a time: the guest relies on all of the ring but the one that may be being written. The fence keeps the store
 * of a hint behind the head of the one before, for a guest that reads this hint must not find an older head afterwards.
 */
static void write_hint(struct keeper_words *words, struct keeper_page *page, uint64_t hint)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&page->hints[words->hint_head++ % KEEPER_HINTS], hint, __ATOMIC_RELAXED);
	/* Release: whoever sees the head sees the hints. */
	__atomic_store_n(&page->hint_head, words->hint_head, __ATOMIC_RELEASE);
}

void keeper_words_hint(struct keeper_words *words, uint64_t first, uint64_t end)
{
	struct keeper_page *page = page_of(words);

	while (page && first < end) {
		unsigned order = first ? (unsigned)__builtin_ctzll(first) : KEEPER_BLOCK_ORDER;

		if (order > KEEPER_BLOCK_ORDER)
			order = KEEPER_BLOCK_ORDER;
		while (UINT64_C(1) << order > end - first)
			order--;
		write_hint(words, page, keeper_hint(first, order));
		first += UINT64_C(1) << order;
	}
}

void keeper_words_release(struct keeper_words *words)
{
	struct keeper_page *page = page_of(words);

	words->released++;
	if (!page)
		return;
	/* Release: whoever sees the new number sees the slots UNUSED. */
	__atomic_store_n(&page->released, words->released, __ATOMIC_RELEASE);
	tell_log(words);
}

bool keeper_words_ask(const struct keeper_words *words, struct keeper_ask *ask)
{
	const struct keeper_page *page = page_of(words);

	if (!page)
		return false;
	/* Sequentially consistent, as the store of `answered`: each side writes one word and reads the other. */
	ask->ticket = __atomic_load_n(&page->asked, __ATOMIC_SEQ_CST);
	ask->order = __atomic_load_n(&page->ask_order, __ATOMIC_RELAXED);
	ask->frames = __atomic_load_n(&page->ask_frames, __ATOMIC_RELAXED);
	return ask->ticket != words->answered;
}

void keeper_words_answer(struct keeper_words *words, uint32_t ticket)
{
	struct keeper_page *page = page_of(words);

	words->answered = ticket;
	if (!page)
		return;
	__atomic_store_n(&page->answered, ticket, __ATOMIC_SEQ_CST);
	tell_log(words);
}

bool keeper_words_are_awaited(const struct keeper_words *words)
{
	const struct keeper_page *page = page_of(words);

	return page && __atomic_load_n(&page->waiting, __ATOMIC_ACQUIRE) != 0;
}

uint64_t keeper_words_refusals(const struct keeper_words *words)
{
	const struct keeper_page *page = page_of(words);

	return page ? __atomic_load_n(&page->refusals, __ATOMIC_RELAXED) : 0;
}
