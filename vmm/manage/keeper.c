/* SPDX-License-Identifier: MPL-2.0 */
/* Claims free frames of a running guest and gives them back: see keeper.h. */
#include "manage/keeper.h"

#include <errno.h>
#include <string.h>

static uint64_t memory_frames(const struct guest_memory *memory)
{
	uint64_t frames = 0;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	if (map->count > 0)
		frames = (map->regions[map->count - 1].base.addr +
			  map->regions[map->count - 1].size) /
			 PAGE_SIZE;
	guest_memory_read_end();
	return frames;
}

int keeper_init(struct keeper *keeper, const struct guest_memory *memory, struct gate *gate,
		bool whole_blocks, struct error *err)
{
	uint64_t frames = memory_frames(memory);

	memset(keeper, 0, sizeof(*keeper));
	keeper->memory = memory;
	keeper->gate = gate;
	keeper->whole_blocks = whole_blocks;
	int result = ledger_init(&keeper->ledger, frames, err);

	if (result == 0)
		result = ages_init(&keeper->ages, frames, err);
	if (result < 0)
		keeper_destroy(keeper);
	return result;
}

void keeper_destroy(struct keeper *keeper)
{
	ledger_destroy(&keeper->ledger);
	ages_destroy(&keeper->ages);
}

/* The guest began a new life, or ended this one. What the host held is nobody's now. */
static int forget_all(struct keeper *keeper, struct error *err)
{
	if (ledger_held(&keeper->ledger) > 0)
		keeper->counts.restarts++;
	ledger_forget(&keeper->ledger);
	keeper_words_forget(&keeper->words);
	ages_forget_all(&keeper->ages);
	return error_set(err, -ESTALE, "the guest has ended or restarted meanwhile");
}

int keeper_follow(struct keeper *keeper, const struct guest *guest, struct error *err)
{
	uint64_t boot_id = keeper->claims.boot_id;
	struct error ignored;

	keeper->guest = guest;
	int result = guest_claims_read(guest, &keeper->claims, err);

	if (result == 0 && boot_id && boot_id != keeper->claims.boot_id)
		forget_all(keeper, &ignored);
	if (result == 0 && keeper->words.page.addr != keeper->claims.keeper.addr)
		keeper_words_begin(&keeper->words, keeper->memory, keeper->gate->engine,
				   keeper->claims.keeper);
	return result;
}

int keeper_expect_same_life(struct keeper *keeper, struct error *err)
{
	return guest_claims_hold(keeper->guest, &keeper->claims) ? 0 : forget_all(keeper, err);
}
