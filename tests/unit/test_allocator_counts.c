/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/pagevisor/allocator_counts.h over a crafted allocator, and over impossible ones. */
#include "unit/suites.h"

#include <string.h>

#include <pagevisor/allocator.h>

#include "kind/pagevisor/allocator_counts.h"
#include "unit/slot_array.h"

#define SLOTS     4096
#define VA_OFFSET UINT64_C(0xffffffff80000000)
#define ORDERS    4
#define FREED_MAX 6

/* The layout is the test's own choice. */
struct pool {
	uint32_t lock;
	uint64_t blocks[ORDERS];
	uint64_t parked;
	uint64_t parked_blocks;
};

#define DEPOTS 3

struct depot {
	uint64_t frames, blocks;
};

struct cache {
	uint64_t next, end;
	uint32_t count, block_count, freed_count;
	uint64_t freed[FREED_MAX];
};

/* The allocator's state, crafted at the end of the array's RAM. */
struct crafted {
	struct allocator_descriptor at;
	struct pool pool;
	struct depot depots[DEPOTS];
	struct cache caches[4];
};

static struct slot_array array;
static struct crafted *crafted;
static struct free_counts counts;

static uint64_t pa_of(const void *place)
{
	return array.view.array.addr + (uint64_t)((const uint8_t *)place - (uint8_t *)array.slots);
}

static void setup(void)
{
	slot_array_create(&array, SLOTS);
	crafted = (struct crafted *)&array.slots[SLOTS - 64];
	memset(crafted, 0, sizeof(*crafted));
	array.view.va_offset = VA_OFFSET;
	array.view.allocator = paddr(pa_of(&crafted->at));
	array.view.cpu_count = 2;
	crafted->at = (struct allocator_descriptor){
		.version = ALLOCATOR_VERSION,
		.size = sizeof(crafted->at),
		.caches_va = pa_of(crafted->caches) + VA_OFFSET,
		.cache_count = 4,
		.cache_size = sizeof(struct cache),
		.cache_stack_count = offsetof(struct cache, count),
		.cache_freed_count = offsetof(struct cache, freed_count),
		.cache_freed = offsetof(struct cache, freed),
		.cache_freed_max = FREED_MAX,
		.cache_fresh_next = offsetof(struct cache, next),
		.cache_fresh_end = offsetof(struct cache, end),
		.cache_block_count = offsetof(struct cache, block_count),
		.kept_frames = 16,
		.pool_size = sizeof(struct pool),
		.pool_va = pa_of(&crafted->pool) + VA_OFFSET,
		.block_orders = ORDERS,
		.block_count = offsetof(struct pool, blocks),
		.depots_va = pa_of(crafted->depots) + VA_OFFSET,
		.depot_count = DEPOTS,
		.depot_size = sizeof(struct depot),
		.depot_frames_count = offsetof(struct depot, frames),
		.depot_blocks_count = offsetof(struct depot, blocks),
		.parked_count = offsetof(struct pool, parked),
		.parked_block_count = offsetof(struct pool, parked_blocks),
		.bundle_nodes = 2,
		.bundle_leaves = 3,
	};
	crafted->pool = (struct pool){.blocks = {3, 0, 5, 7}, .parked = 11, .parked_blocks = 2};
	crafted->depots[0].frames = 2;
	for (unsigned i = 0; i < 4; i++)
		crafted->caches[i] = (struct cache){.count = 10 + i};
}

static void teardown(void)
{
	slot_array_destroy(&array);
}

static void read_counts(void)
{
	allocator_counts_read(&array.memory, &array.view, &counts);
}

START_TEST(counts_of_all_places)
{
	crafted->depots[1] = (struct depot){.frames = 3, .blocks = 4};
	crafted->depots[2] = (struct depot){.blocks = 1};
	crafted->caches[1] = (struct cache){.next = 100,
					    .end = 116,
					    .block_count = 3,
					    .count = 4,
					    .freed_count = 3,
					    .freed = {7, ALLOCATOR_NO_FRAME, 9, 1, 1, 1}};
	read_counts();
	ck_assert_msg(counts.is_known, "%s", counts.why.text);
	ck_assert_uint_eq(counts.orders, ORDERS);
	ck_assert_uint_eq(counts.blocks[0], 3);
	ck_assert_uint_eq(counts.blocks[3], 7);
	ck_assert_uint_eq(counts.caches, 2); /* one for each running CPU */
	ck_assert_uint_eq(counts.cached[0], 10);
	ck_assert_uint_eq(counts.cached[1], 3 * 16 + 16 + 4 + 2);
	/* Nine frames or blocks in a bundle. */
	ck_assert_uint_eq(counts.depot, 5 * 9 + 5 * 9 * 16);
	ck_assert_uint_eq(counts.parked, 11 + 2 * 16);
	ck_assert_uint_eq(counts.free_frames, 3 + 5 * 4 + 7 * 8 + 45 + 720 + 10 + 70);
}
END_TEST

START_TEST(a_block_that_is_taken_while_one_looks)
{
	crafted->caches[0].next = 512;
	crafted->caches[0].end = 511;
	read_counts();
	ck_assert(counts.is_known);
	ck_assert_uint_eq(counts.cached[0], 10);
	crafted->caches[0].next = 64;
	crafted->caches[0].end = 512;
	read_counts();
	ck_assert(counts.is_known);
	ck_assert_uint_eq(counts.cached[0], 10);
	crafted->caches[0].freed_count = UINT32_MAX;
	read_counts();
	ck_assert(counts.is_known);
	ck_assert_uint_eq(counts.cached[0], 10 + FREED_MAX);
}
END_TEST

START_TEST(a_guest_without_one)
{
	array.view.allocator = paddr(0);
	read_counts();
	ck_assert(!counts.is_known);
	ck_assert_str_eq(counts.why.text, "the guest has none yet");
}
END_TEST

static void assert_refused(const char *why)
{
	read_counts();
	ck_assert(!counts.is_known);
	ck_assert_str_eq(counts.why.text, why);
}

START_TEST(descriptors_that_cannot_be)
{
	const struct allocator_descriptor good = crafted->at;
	struct allocator_descriptor bad[16];

	for (unsigned i = 0; i < 16; i++)
		bad[i] = good;
	bad[0].version++;
	bad[1].size--;
	bad[2].pool_size = UINT32_MAX;
	bad[3].cache_size = UINT32_MAX;
	bad[4].block_orders = FREE_ORDERS_MAX + 1;
	bad[5].block_count = UINT32_MAX;
	bad[6].depot_frames_count = good.depot_size - 7;
	bad[7].parked_count = UINT32_MAX - 3;
	bad[8].cache_stack_count = good.cache_size - 3;
	bad[9].cache_freed_max = FREED_MAX + 1;
	bad[10].cache_fresh_end = UINT32_MAX;
	bad[11].cache_block_count = good.cache_size;
	bad[12].depot_blocks_count = UINT32_MAX - 3;
	bad[13].depot_count = UINT32_MAX;
	bad[14].depot_size = UINT32_MAX;
	bad[15].parked_block_count = good.pool_size - 7;
	for (unsigned i = 0; i < 16; i++) {
		crafted->at = bad[i];
		assert_refused("its descriptor is broken");
	}
	array.view.allocator = paddr(UINT64_MAX - 8);
	assert_refused("its descriptor is broken");
}
END_TEST

START_TEST(places_and_counts_that_cannot_be)
{
	const struct allocator_descriptor good = crafted->at;

	crafted->at.pool_va = 0;
	assert_refused("its counts cannot be true");
	crafted->at = good;
	crafted->at.caches_va = UINT64_MAX;
	assert_refused("its counts cannot be true");
	crafted->at = good;
	crafted->at.depots_va = 0;
	assert_refused("its counts cannot be true");
	crafted->at = good;
	crafted->at.pool_size = 0;
	crafted->at.block_orders = 0;
	assert_refused("its descriptor is broken");
	crafted->at = good;
	crafted->at.bundle_nodes = crafted->at.bundle_leaves = UINT32_MAX;
	assert_refused("its counts cannot be true");
	crafted->at = good;
	crafted->pool.blocks[3] = SLOTS / 8 + 1;
	assert_refused("its counts cannot be true");
	crafted->pool.blocks[3] = UINT64_MAX;
	assert_refused("its counts cannot be true");
	crafted->pool.blocks[3] = SLOTS / 8;
	crafted->pool.parked = SLOTS + 1;
	assert_refused("its counts cannot be true");
	crafted->pool.parked = 0;
	crafted->pool.parked_blocks = SLOTS / 16 + 1;
	assert_refused("its counts cannot be true");
	crafted->pool.parked_blocks = UINT64_MAX;
	assert_refused("its counts cannot be true");
	crafted->pool.parked_blocks = SLOTS / 16;
	crafted->pool.parked = 1; /* one more than there are */
	assert_refused("its counts cannot be true");
	crafted->pool.parked = crafted->pool.parked_blocks = 0;
	crafted->caches[1].count = UINT32_MAX;
	assert_refused("its counts cannot be true");
	crafted->caches[1].count = 0;
	crafted->caches[1].block_count = 5;
	crafted->at.kept_frames = 0;
	assert_refused("its counts cannot be true");
	crafted->at.kept_frames = UINT32_MAX;
	assert_refused("its counts cannot be true");
	crafted->at.kept_frames = 16;
	crafted->depots[2].blocks = SLOTS / (9 * 16) + 1;
	assert_refused("its counts cannot be true");
	crafted->depots[2].blocks = UINT64_MAX;
	assert_refused("its counts cannot be true");
	crafted->depots[2].blocks = 1;
	crafted->depots[2].frames = UINT64_MAX;
	assert_refused("its counts cannot be true");
	crafted->depots[2].frames = 1;
	read_counts();
	ck_assert(counts.is_known);
}
END_TEST

/* Parked or still listed, what the host has is not free. */
START_TEST(what_the_host_has_is_not_free)
{
	const struct free_counts taken = {.free_frames = 100, .parked = 20};

	ck_assert_uint_eq(free_counts_without(&taken, 0), 120);
	ck_assert_uint_eq(free_counts_without(&taken, 20), 100);
	ck_assert_uint_eq(free_counts_without(&taken, 50), 70);
	ck_assert_uint_eq(free_counts_without(&taken, 121), 0);
}
END_TEST

Suite *allocator_counts_suite(void)
{
	Suite *suite = suite_create("allocator_counts");
	TCase *tcase = tcase_create("allocator_counts");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, counts_of_all_places);
	tcase_add_test(tcase, a_block_that_is_taken_while_one_looks);
	tcase_add_test(tcase, a_guest_without_one);
	tcase_add_test(tcase, descriptors_that_cannot_be);
	tcase_add_test(tcase, places_and_counts_that_cannot_be);
	tcase_add_test(tcase, what_the_host_has_is_not_free);
	suite_add_tcase(suite, tcase);
	return suite;
}
