/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Asking the keeper: what an allocation does that has found no memory, because the host holds it (pagevisor/keeper.h).
 * It asks for some of it, waits until the keeper has answered, and tries again.
 *
 * frame_alloc.h never waits. Whoever may wait says so, by the macros below or by a loop:
 *
 *     struct frame_ask ask = FRAME_ASK_NONE;
 *
 *     while (!(found = frame_alloc_take(count, align, &first)) && frame_ask_again(&ask, count, align))
 *         ;
 *     frame_ask_end(&ask);
 *
 * The caller holds no lock, is in no on_drop and in no interrupt handler, and has no frame that is BUSY: what it waits
 * for might wait for it.
 *
 * Only where the platform defines PLATFORM_KEEPER as 1 is anybody asked. It then also defines
 *
 *     void platform_keeper_ring(void);   rings the keeper's bell; does nothing where there is none
 *     PLATFORM_KEEPER_TURNS              for how many turns of its loop a CPU waits for one answer. Turns are counted,
 *                                        not time, so that a VM that is paused does not lose any
 */
#ifndef PAGEMETA_FRAME_ASK_H
#define PAGEMETA_FRAME_ASK_H

#include "frame_alloc.h"

#ifndef PLATFORM_KEEPER
#define PLATFORM_KEEPER 0
#endif

/* Of one allocation. */
struct frame_ask {
	uint32_t asks;   /* so far */
	uint32_t ticket; /* of the last one */
	uint32_t
		released; /* of the keeper's page, as of before the attempt that comes next; 0 at first */
	bool is_answered; /* it was, before the attempt that comes next */
	bool is_settled;  /* no CPU had a handful before that attempt; no ask since */
};

#define FRAME_ASK_NONE                                                                             \
	(struct frame_ask)                                                                         \
	{                                                                                          \
		0                                                                                  \
	}

/*
 * After an attempt to take `count` frames that begin at a multiple of `align`, as frame_alloc_take takes them, has
 * failed. Returns true when another one is worth it: the keeper has released something, or has answered. Returns false
 * when there is nothing to be had: there is no keeper, it gives nothing back, it does not answer, or it has answered
 * as many asks as there may be CPUs and others have taken what it gave. Before a refusal that something released might
 * prevent, the last attempt begins when no CPU has such frames in its hand beyond what it needs.
 */
META_MUST_USE bool frame_ask_again(struct frame_ask *ask, uint64_t count, uint64_t align);

/* The allocation is over, with or without memory. */
void frame_ask_end(struct frame_ask *ask);

/* `attempt` is an expression, tried until `found`, an expression of it, holds, or nothing is to be had. */
#define FRAME_ASK_UNTIL(attempt, found, count, align)                                              \
	do {                                                                                       \
		struct frame_ask ask_ = FRAME_ASK_NONE;                                            \
                                                                                                   \
		while ((attempt), !__builtin_expect(!!(found), 1) &&                               \
					  frame_ask_again(&ask_, (count), (align)))                \
			;                                                                          \
		if (__builtin_expect(ask_.asks, 0))                                                \
			frame_ask_end(&ask_);                                                      \
	} while (0)

/* As frame_alloc, unique_alloc (unique.h) and segment_alloc (segment.h). The arguments are evaluated for each attempt. */
#define frame_alloc_or_ask(type, meta)                                                             \
	({                                                                                         \
		frame_t frame_;                                                                    \
                                                                                                   \
		FRAME_ASK_UNTIL(frame_ = frame_alloc(type, meta), frame_.slot, 1, 1);              \
		frame_;                                                                            \
	})

#define unique_alloc_or_ask(type, meta)                                                            \
	({                                                                                         \
		unique_frame_t frame_;                                                             \
                                                                                                   \
		FRAME_ASK_UNTIL(frame_ = unique_alloc(type, meta), frame_.slot, 1, 1);             \
		frame_;                                                                            \
	})

#define segment_alloc_or_ask(type, count, align, fill, context, out)                               \
	({                                                                                         \
		bool is_made_;                                                                     \
                                                                                                   \
		FRAME_ASK_UNTIL(is_made_ = segment_alloc(type, count, align, fill, context, out),  \
				is_made_, count, align);                                           \
		is_made_;                                                                          \
	})

#endif
