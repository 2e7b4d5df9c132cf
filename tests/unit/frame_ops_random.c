/* SPDX-License-Identifier: MPL-2.0 */
/* Picks operations on frames at random: see frame_ops.h. */
#include "unit/frame_ops_random.h"

#include "unit/fixture.h"
#include "unit/frame_ops_vars.h"

/* Weight of each operation in the random choice. */
static const uint8_t weights[OP_RANDOM_COUNT] = {
	[OP_ALLOC] = 50,        [OP_CLAIM] = 6,     [OP_GET] = 20,         [OP_PUT] = 56,
	[OP_FROM_IN_USE] = 20,  [OP_SHARE] = 10,    [OP_UNSHARE] = 10,     [OP_CHANGE_BEGIN] = 8,
	[OP_CHANGE_END] = 16,   [OP_SWAP_KID] = 20, [OP_UNIQUE_DROP] = 14, [OP_HOST_CLAIM] = 8,
	[OP_HOST_RELEASE] = 16, [OP_ADD] = 1,       [OP_ADD_REFUSED] = 1,  [OP_GIVE] = 4,
	[OP_COUNT_FREE] = 1,    [OP_RESET] = 6,     [OP_SLICE] = 6,
};

static bool filling; /* memory runs short and recovers in turns */

void ops_random_start(void)
{
	filling = true;
}

#define TURN 1024 /* operations between filling and emptying, on average */

static uint8_t random_code(uint64_t *seed)
{
	unsigned sum = 0;
	bool against;
	uint8_t code;

	for (code = 0; code < OP_RANDOM_COUNT; code++)
		sum += weights[code];
	do {
		unsigned point = (unsigned)(random_next(seed) % sum);

		for (code = 0; point >= weights[code]; code++)
			point -= weights[code];
		if (random_next(seed) % TURN == 0)
			filling = !filling;
		against = filling ? code == OP_PUT || code == OP_UNIQUE_DROP || code == OP_RESET
				  : code == OP_ALLOC || code == OP_GET || code == OP_FROM_IN_USE;
		against |= code == OP_ALLOC && model.free == 0;
	} while (against && random_next(seed) % 4);
	return code;
}

static uint16_t random_var(uint64_t *seed, bool full)
{
	unsigned first = full ? 0 : vars.full;
	unsigned count = full ? vars.full : OPS_VARIABLES - vars.full;

	/* Without such a variable any other will do: the operation will then make no sense and do nothing. */
	if (count == 0)
		return 0;
	return vars.order[first + random_next(seed) % count];
}

/* Mostly a frame; sometimes just past the end, unaligned, or anywhere. */
static uint64_t random_address(uint64_t *seed)
{
	uint64_t frame = random_next(seed) % model.count * PAGE_SIZE;

	switch (random_next(seed) % 32) {
	case 0:
		return frame + random_next(seed) % PAGE_SIZE;
	case 1:
		return model.count * PAGE_SIZE;
	case 2:
		return random_next(seed);
	case 3:
		return align_down(random_next(seed), PAGE_SIZE);
	default:
		return frame;
	}
}

struct operation ops_random(uint64_t *seed)
{
	/* Three that share frames in turn, and the last variable. */
	static const uint8_t cpus[] = {0, 1, 2, PLATFORM_MAX_CPUS - 1};
	struct operation op = {.code = random_code(seed)};
	bool creates = op.code == OP_ALLOC || op.code == OP_CLAIM || op.code == OP_GET ||
		       op.code == OP_FROM_IN_USE;

	op.cpu = cpus[random_next(seed) % (sizeof(cpus) / sizeof(cpus[0]))];
	op.type = (uint8_t)(random_next(seed) % MODEL_TYPE_COUNT);
	op.unique = random_next(seed) % 4 == 0;
	op.zeroed = random_next(seed) % 16 == 0;
	op.var = random_var(seed, !creates);
	op.choice = (uint16_t)(random_next(seed) % (op.code == OP_SLICE ? 5 : 16));
	op.slice = (uint8_t)(random_next(seed) % (TREE_KIDS + 1));
	for (unsigned i = 0; i < TREE_KIDS; i++)
		op.kids[i] = random_var(seed, op.code == OP_SWAP_KID ? random_next(seed) % 4 != 0
								     : op.code != OP_SLICE);
	op.address = random_address(seed);
	op.seed = random_next(seed);
	return op;
}
