/* SPDX-License-Identifier: MPL-2.0 */
/* What claims and releases of the keeper share: its windows and its batch. Only keeper*.c include this. */
#ifndef VMM_KEEPER_BATCH_H
#define VMM_KEEPER_BATCH_H

#include "manage/keeper.h"
#include "manage/keeper_window.h"

/* What the host holds of the frames [first, end), as far as there is memory. */
struct ledger_count keeper_count_block(const struct ledger *ledger, uint64_t first, uint64_t end);

/* The window of the frames from `first` on, up to `end`. Within a read-side section. */
void keeper_open_window(const struct keeper *keeper, const struct memory_map *map, uint64_t first,
			uint64_t end, struct window *window);

/*
 * The window from the block of a held frame on; from its region on, where that begins inside of the block. Takes a read-side
 * section itself: the regions stay.
 */
void keeper_open_blocks(const struct keeper *keeper, uint64_t held, struct window *window);

/* The next managed window for a cursor. False when there is none. */
bool keeper_next_window(const struct keeper *keeper, const struct memory_map *map,
			struct keeper_cursor *cursor, struct window *window);

/* Tells the log that the slots of the batch were written, or the frames themselves. */
void keeper_tell_log(const struct keeper *keeper, unsigned count, bool slots);

/* Notes in the history what happened to frames of the batch at work. The caller flushes the history at its end. */
void keeper_note(struct keeper *keeper, uint64_t frame, unsigned frames,
		 enum management_event_type type, uint32_t generation, bool hard);

/*
 * The host lets go of the frames batch[at] .. batch[end - 1], whose slots are in the window. Returns how many were
 * still its own.
 */
unsigned keeper_let_go(struct keeper *keeper, const struct window *window, unsigned at,
		       unsigned end);

#endif
