/* SPDX-License-Identifier: MPL-2.0 */
/* An allocator with a few blocks of frames, some of them the host's: see host_frames.h. */
#include "unit/host_frames.h"

#include <pagevisor/keeper.h>

unsigned held_count;
static frame_t held[FRAMES];

void host_frames_setup(void)
{
	small_machine_setup();
	frame_alloc_init(&(struct region_list){0});
	ck_assert_int_eq(
		frame_alloc_add(paddr(FIRST * PAGE_SIZE), paddr((FIRST + FRAMES) * PAGE_SIZE)),
		FRAME_ADD_OK);
	held_count = 0;
}

struct frame_alloc_stats read_stats(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
	return stats;
}

void host_take(uint64_t first, uint64_t count)
{
	for (uint64_t frame = first; frame < first + count; frame++)
		ck_assert(slot_host_claim(slot_of(frame)));
}

void host_let_go(uint64_t first, uint64_t count)
{
	for (uint64_t frame = first + count; frame-- > first;)
		ck_assert(slot_host_release(slot_of(frame)));
}

void host_hint(uint64_t frame, unsigned order)
{
	const uint32_t at = frame_keeper.hint_head;

	__atomic_store_n(&frame_keeper.hints[at % KEEPER_HINTS], keeper_hint(frame, order),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&frame_keeper.hint_head, at + 1, __ATOMIC_RELEASE);
}

void host_release_batch(void)
{
	__atomic_store_n(&frame_keeper.released, frame_keeper.released + 1, __ATOMIC_RELEASE);
}

bool take_one(void)
{
	const struct stamp_meta stamp = {.a = 7, .b = 8, .c = 9};
	frame_t frame = frame_alloc(stamp, &stamp);

	if (frame.slot)
		held[held_count++] = frame;
	return frame.slot;
}

void take_all(void)
{
	while (take_one())
		;
}

void put_all(void)
{
	while (held_count)
		frame_put(held[--held_count]);
}
