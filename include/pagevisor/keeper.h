/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The keeper's page: words through which a guest's allocator and the process that manages the guest's memory, the
 * keeper, agree on frames that the host holds (state HOST of slot.h). At keeper_pa of the info page; 0: this guest's
 * frames are not to be claimed.
 *
 * Only its owner writes a word, and all words in a cache line have the same owner. A word is aligned to its size, and
 * each access to it is one atomic operation. Every word is zero until its owner writes it. To either side, what the
 * other one writes is hostile: it is loaded once, and bounds what is done with it. Numbers that count up wrap around.
 *
 *     line   owner   what
 *     0      guest   the head: constant from STAGE_ALLOCATOR on
 *     1-3    guest   what it asks for, counters
 *     4-7    host    answers
 *     32-63  host    hints
 *
 *     word       owner  order               meaning
 *     version    guest  constant            KEEPER_VERSION; another version has other words
 *     size       guest  constant            bytes of the page
 *     waiting    guest  fetch_add release,  allocations that have asked and have not ended; while there is one, the
 *                       fetch_sub release   keeper claims nothing
 *     asked      guest  fetch_add seq_cst   the newest ask, a ticket; never reset
 *     gave_up    guest  store release       the newest ticket whose allocation waited in vain. While answered lies
 *                                           before it, nobody waits.
 *     ask_order  guest  relaxed             what the open asks need: a run that one block of 2^ask_order frames holds,
 *     ask_frames guest  relaxed             so many frames; both stored before `asked` moves, at most as large as the
 *                                           largest of them. Asks that overlap may mix them: whoever got too little
 *                                           asks again.
 *     released   host   store release       moves after each batch of slots that went from HOST to UNUSED
 *     answered   host   store seq_cst       the newest ask that was served: whatever the host was to release for it,
 *                                           and `released`, were written before
 *     keeper     host   store release       enum keeper_state: whether asking is worth it, so that nobody waits in vain
 *     hint_head  host   store release       hints written so far; before the `released` of their batch
 *     hints      host   relaxed             a ring: hint number n, modulo KEEPER_HINTS, names a block that was
 *                                           released, as frame << KEEPER_HINT_SHIFT | order. Between two values of
 *                                           `released` every frame that was released is in a block that was hinted.
 *
 * An ask: the guest stores what it needs and increments `asked`. If `answered` was the ticket before, it rings the
 * bell: it writes a byte to PORT_KEEPER_BELL (ports.h). Otherwise an earlier ask is open, whose asker has rung. The
 * keeper stores `answered` first and then looks at `asked` again, so that no ask is overlooked between the two: both
 * are seq_cst on both sides, for each side writes one word and reads the other. Where the port has no device behind it,
 * as in QEMU, the write does nothing, and the keeper polls `asked`.
 *
 * The guest relies on the newest KEEPER_HINTS - 1 hints alone, and looks at hint_head again after it has read them: the
 * host writes one hint, and then moves hint_head, so the oldest may be half gone. With more, it looks at all that is put
 * aside.
 *
 * If all frames of an aligned block of KEEPER_BLOCK_FRAMES are HOST, the guest may put them aside as one, and looks at
 * the first frame's state alone, generation included. So the host releases the frames of such a block together, the first
 * frame last; which of them it takes again, and when, is up to it.
 */
#ifndef PAGEVISOR_KEEPER_H
#define PAGEVISOR_KEEPER_H

#include <stdint.h>

#include <pagevisor/abi.h>

#define KEEPER_VERSION      1
#define KEEPER_PAGE_SIZE    4096 /* to which it is aligned, too */
#define KEEPER_LINE         64   /* bytes of a cache line */
#define KEEPER_BLOCK_ORDER  9
#define KEEPER_BLOCK_FRAMES (UINT64_C(1) << KEEPER_BLOCK_ORDER)
#define KEEPER_HINTS        256
#define KEEPER_HINT_SHIFT   8

enum keeper_state {
	KEEPER_NONE = 0,   /* nobody holds frames */
	KEEPER_SERVES = 1, /* it serves asks */
	KEEPER_GIVES_NOTHING =
		2, /* all that it holds it keeps: what it holds is missing, and nobody waits for it */
};

struct keeper_page {
	uint32_t version;
	uint32_t size;
	uint64_t reserved_head[7];

	uint32_t waiting;
	uint32_t asked;
	uint32_t gave_up;
	uint32_t ask_order;
	uint64_t ask_frames;
	uint64_t reserved_guest[5];

	/* Counted since boot, relaxed. */
	uint64_t parked_frames; /* put aside one by one */
	uint64_t parked_blocks; /* of KEEPER_BLOCK_FRAMES, put aside as one */
	uint64_t taken_back;    /* frames that were put aside and listed again */
	uint64_t asks;          /* as `asked`, without wrapping around */
	uint64_t refusals; /* allocations that ended without a frame although a keeper held some */
	uint64_t
		warmed; /* frames whose generation moved for a run that the host spoiled: they look used */
	uint64_t reserved_counters[10];

	uint32_t released;
	uint32_t answered;
	uint32_t keeper;
	uint32_t hint_head;
	uint64_t reserved_host[30];

	uint64_t reserved[192];
	uint64_t hints[KEEPER_HINTS];
} __attribute__((aligned(KEEPER_PAGE_SIZE)));

ABI_OFFSET(struct keeper_page, version, 0);
ABI_OFFSET(struct keeper_page, size, 4);
ABI_OFFSET(struct keeper_page, waiting, 1 * KEEPER_LINE);
ABI_OFFSET(struct keeper_page, asked, 1 * KEEPER_LINE + 4);
ABI_OFFSET(struct keeper_page, gave_up, 1 * KEEPER_LINE + 8);
ABI_OFFSET(struct keeper_page, ask_order, 1 * KEEPER_LINE + 12);
ABI_OFFSET(struct keeper_page, ask_frames, 1 * KEEPER_LINE + 16);
ABI_OFFSET(struct keeper_page, parked_frames, 2 * KEEPER_LINE);
ABI_OFFSET(struct keeper_page, parked_blocks, 2 * KEEPER_LINE + 8);
ABI_OFFSET(struct keeper_page, taken_back, 2 * KEEPER_LINE + 16);
ABI_OFFSET(struct keeper_page, asks, 2 * KEEPER_LINE + 24);
ABI_OFFSET(struct keeper_page, refusals, 2 * KEEPER_LINE + 32);
ABI_OFFSET(struct keeper_page, warmed, 2 * KEEPER_LINE + 40);
ABI_OFFSET(struct keeper_page, released, 4 * KEEPER_LINE);
ABI_OFFSET(struct keeper_page, answered, 4 * KEEPER_LINE + 4);
ABI_OFFSET(struct keeper_page, keeper, 4 * KEEPER_LINE + 8);
ABI_OFFSET(struct keeper_page, hint_head, 4 * KEEPER_LINE + 12);
ABI_OFFSET(struct keeper_page, hints, 32 * KEEPER_LINE);
ABI_SIZE(struct keeper_page, KEEPER_PAGE_SIZE);

/* A hint for the block of 2^order frames that begins at a frame number. */
static inline uint64_t keeper_hint(uint64_t frame, unsigned order)
{
	return frame << KEEPER_HINT_SHIFT | order;
}

static inline uint64_t keeper_hint_frame(uint64_t hint)
{
	return hint >> KEEPER_HINT_SHIFT;
}

static inline unsigned keeper_hint_order(uint64_t hint)
{
	return (unsigned)(hint & ((1U << KEEPER_HINT_SHIFT) - 1));
}

#endif
