/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/frame_blocks.c on one CPU at a time: blocks of 512 frames in the CPUs' caches and in the depots are
 * found by whoever needs them, are never merged by mistake, and cannot be given back twice. Concurrency is in
 * test_block_threads.c.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/frame_pool.h"
#include "pagemeta/segment.h"
#include "unit/fixture.h"
#include "unit/refused.h"

#define MEMORY_SIZE (256 * MIB)
#define FRAMES      (MEMORY_SIZE / PAGE_SIZE)
#define BLOCKS_MAX  (FRAMES / FRESH_FRAMES)
#define OTHER_CPU   3

static const struct stamp_meta stamp = {.a = 4, .b = 5, .c = 6};

static pfn_t held[BLOCKS_MAX];
static unsigned held_count;

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {{0, MEMORY_SIZE, E820_USABLE, 0}};
	static const struct firmware_map map = MEMORY_MAP("blocks", entries);

	machine_create(&map);
	frame_alloc_init(&machine.array.partition);
	held_count = 0;
}

static bool take_block(void)
{
	if (!frame_alloc_take(FRESH_FRAMES, FRESH_FRAMES, &held[held_count]))
		return false;
	ck_assert(is_aligned(held[held_count].index, FRESH_FRAMES));
	held_count++;
	return true;
}

/* Takes blocks until none is left. Each is another one. */
static void take_all_blocks(void)
{
	static bool taken[BLOCKS_MAX];

	while (take_block())
		;
	memset(taken, 0, sizeof(taken));
	for (unsigned i = 0; i < held_count; i++) {
		ck_assert(!taken[held[i].index / FRESH_FRAMES]);
		taken[held[i].index / FRESH_FRAMES] = true;
	}
}

static void give_block(void)
{
	frame_alloc_give(held[--held_count], FRESH_FRAMES);
}

static void give_all_blocks(void)
{
	while (held_count)
		give_block();
}

static struct frame_alloc_stats read_stats(void)
{
	struct frame_alloc_stats stats;

	frame_alloc_read_stats(&stats);
	return stats;
}

static uint64_t bundles_in_depots(void)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < FRAME_DEPOTS; i++)
		count += frame_depots[i].lists[DEPOT_BLOCKS].count;
	return count;
}

/* The other CPU has all blocks: a full stack, and the rest in its depot. Returns how many. */
static unsigned all_blocks_at_the_other_cpu(void)
{
	unsigned count;

	take_all_blocks();
	count = held_count;
	host_cpu = OTHER_CPU;
	give_all_blocks();
	host_cpu = 0;
	ck_assert_uint_eq(frame_caches[0].block_count, 0);
	ck_assert_uint_gt(frame_caches[OTHER_CPU].block_count, 0);
	ck_assert_uint_gt(bundles_in_depots(), 0);
	return count;
}

START_TEST(blocks_that_come_back_are_the_next_to_be_taken)
{
	pfn_t first, second;

	take_all_blocks();
	second = held[held_count - 2];
	first = held[held_count - 1];
	give_block();
	give_block();
	ck_assert_uint_eq(frame_caches[0].block_count, 2);
	ck_assert(take_block());
	ck_assert_uint_eq(held[held_count - 1].index, second.index);
	ck_assert(take_block());
	ck_assert_uint_eq(held[held_count - 1].index, first.index);
}
END_TEST

START_TEST(a_full_stack_leaves_its_older_half_in_the_depot)
{
	uint64_t last;

	take_all_blocks();
	ck_assert_uint_gt(held_count, CACHE_BLOCKS);
	while (frame_caches[0].block_count < CACHE_BLOCKS)
		give_block();
	ck_assert_uint_eq(bundles_in_depots(), 0);
	last = held[held_count - 1].index;
	give_block();
	ck_assert_uint_eq(bundles_in_depots(), 1);
	ck_assert_uint_eq(frame_caches[0].block_count, CACHE_BLOCKS - BUNDLE_FRAMES + 1);
	ck_assert(take_block());
	ck_assert_uint_eq(held[held_count - 1].index, last);
}
END_TEST

START_TEST(a_refill_leaves_most_to_the_others)
{
	uint64_t all = count_free();

	ck_assert(take_block());
	ck_assert_uint_gt(frame_caches[0].block_count, 0);
	ck_assert_uint_le((frame_caches[0].block_count + 1) * FRESH_FRAMES, all / 8);
}
END_TEST

START_TEST(another_cpu_finds_blocks_in_stack_and_depot)
{
	unsigned count = all_blocks_at_the_other_cpu();

	take_all_blocks();
	ck_assert_uint_eq(held_count, count);
	give_all_blocks();
}
END_TEST

/* A frame that CPU 0 has freed, and that stays in its cache until somebody merges. */
static frame_t witness;

static void free_witness(void)
{
	frame_put(witness = frame_alloc(stamp, &stamp));
}

static void assert_nobody_merged(void)
{
	ck_assert_uint_eq(frame_caches[0].freed_count, 1);
	ck_assert_uint_eq(frame_caches[0].freed[0], meta_to_pfn(witness.slot).index);
}

/* Merging would take the locks of all caches and look at each free frame. */
START_TEST(another_cpus_blocks_are_found_without_merging)
{
	unsigned count;
	uint32_t theirs;

	count = all_blocks_at_the_other_cpu();
	theirs = frame_caches[OTHER_CPU].block_count;
	free_witness();
	/* The witness comes from one of the blocks. */
	for (unsigned i = 0; i < count - 1; i++) {
		ck_assert(take_block());
		assert_nobody_merged();
	}
	ck_assert_uint_eq(frame_caches[OTHER_CPU].block_count, 0);

	/* It takes half of what the other has, not all. */
	host_cpu = OTHER_CPU;
	while (frame_caches[OTHER_CPU].block_count < theirs)
		give_block();
	host_cpu = 0;
	ck_assert(take_block());
	ck_assert_uint_eq(frame_caches[OTHER_CPU].block_count, theirs / 2);
	assert_nobody_merged();
}
END_TEST

START_TEST(single_frames_come_from_another_cpus_blocks)
{
	static frame_t frames[FRAMES];
	uint64_t all = count_free();
	uint64_t count = 0;

	all_blocks_at_the_other_cpu();
	while ((frames[count] = frame_alloc(stamp, &stamp)).slot)
		count++;
	ck_assert_uint_eq(count, all);
	ck_assert_uint_eq(count_free(), 0);
	while (count)
		frame_put(frames[--count]);
	ck_assert_uint_eq(count_free(), all);
}
END_TEST

START_TEST(short_runs_come_from_one_block)
{
	uint64_t bundles;
	uint32_t theirs;
	pfn_t run;

	all_blocks_at_the_other_cpu();
	/* The buddy system has what is left of the block at the start of memory, of lower orders. */
	while (read_stats().blocks[7] || read_stats().blocks[8])
		ck_assert(frame_alloc_take(FRESH_FRAMES / 4, 1, &run));
	free_witness();
	bundles = bundles_in_depots();
	theirs = frame_caches[OTHER_CPU].block_count;
	for (unsigned i = 0; i < 4; i++)
		ck_assert(frame_alloc_take(FRESH_FRAMES / 4, 1, &run));
	assert_nobody_merged();
	ck_assert_uint_eq(bundles_in_depots(), bundles);
	ck_assert_uint_eq(frame_caches[OTHER_CPU].block_count, theirs);
}
END_TEST

START_TEST(longer_runs_are_merged_from_blocks)
{
	pfn_t run;

	all_blocks_at_the_other_cpu();
	free_witness();
	ck_assert(frame_alloc_take(FRAMES / 2, FRAMES / 2, &run));
	/* The blocks sufficed: single frames stayed where they were. */
	assert_nobody_merged();
	ck_assert_uint_eq(frame_caches[OTHER_CPU].block_count, 0);
	ck_assert_uint_eq(bundles_in_depots(), 0);
	frame_alloc_give(run, FRAMES / 2);
}
END_TEST

START_TEST(merging_drains_stacks_and_depots)
{
	struct frame_alloc_stats before = read_stats();
	struct frame_alloc_stats after;

	all_blocks_at_the_other_cpu();
	frame_alloc_merge();
	after = read_stats();
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_eq(after.cached, 0);
	for (uint64_t frame = 0; frame < FRAMES; frame += FRESH_FRAMES)
		ck_assert_uint_ne(pfn_to_meta(pfn(frame))->vtable_ptr, FREE_TAG_KEPT + FRESH_ORDER);
}
END_TEST

START_TEST(counts_include_blocks_everywhere)
{
	uint64_t all = count_free();
	unsigned count = all_blocks_at_the_other_cpu();

	ck_assert_uint_eq(count_free(), all);
	ck_assert_uint_ge(read_stats().cached, count * FRESH_FRAMES);
}
END_TEST

START_TEST(a_refused_run_changes_no_count)
{
	uint64_t all = count_free();
	unsigned count = all_blocks_at_the_other_cpu();
	pfn_t run = pfn(7);

	ck_assert(!frame_alloc_take(FRAMES, 1, &run));
	ck_assert(!frame_alloc_take(1, 2 * FRAMES, &run));
	ck_assert_uint_eq(run.index, 7);
	ck_assert_uint_eq(count_free(), all);
	take_all_blocks();
	ck_assert_uint_eq(held_count, count);
	/* And when no block is left. */
	run = pfn(7);
	all = count_free();
	ck_assert(!frame_alloc_take(FRESH_FRAMES, 1, &run));
	ck_assert_uint_eq(run.index, 7);
	ck_assert_uint_eq(count_free(), all);
	give_all_blocks();
	take_all_blocks();
	ck_assert_uint_eq(held_count, count);
}
END_TEST

START_TEST(a_kept_block_does_not_merge_with_its_buddy)
{
	pfn_t pair;

	ck_assert(frame_alloc_take(2 * FRESH_FRAMES, 2 * FRESH_FRAMES, &pair));
	frame_alloc_give(pair, FRESH_FRAMES);
	ck_assert_uint_gt(frame_caches[0].block_count, 0);
	/* Its buddy comes back in two parts, which merge. */
	frame_alloc_give(pfn(pair.index + FRESH_FRAMES), FRESH_FRAMES / 2);
	frame_alloc_give(pfn(pair.index + FRESH_FRAMES * 3 / 2), FRESH_FRAMES / 2);
	ck_assert_uint_eq(pfn_to_meta(pair)->vtable_ptr, FREE_TAG_KEPT + FRESH_ORDER);
	ck_assert_uint_eq(pfn_to_meta(pfn(pair.index + FRESH_FRAMES))->vtable_ptr,
			  FREE_TAG_BLOCK + FRESH_ORDER);
	ck_assert(take_block());
	ck_assert_uint_eq(held[0].index, pair.index);
}
END_TEST

START_TEST(memory_of_kept_blocks_is_never_touched)
{
	uint64_t start = machine.array.base.addr;
	uint64_t end = align_up(start + machine.array.slots * SLOT_SIZE, PAGE_SIZE);

	all_blocks_at_the_other_cpu();
	take_all_blocks();
	give_all_blocks();
	ck_assert_uint_eq(count_resident(0, MEMORY_SIZE), count_resident(start, end));
}
END_TEST

/* A block of the other CPU's stack, and of each kind of place in a bundle of its depot. */
static uint64_t kept_block(int place)
{
	const struct bundle_list *list = &frame_depots[OTHER_CPU].lists[DEPOT_BLOCKS];
	const struct meta_slot *root = pfn_to_meta(pfn(list->first));
	const struct meta_slot *node = pfn_to_meta(pfn(root->storage[1]));
	const struct cpu_cache *cache = &frame_caches[OTHER_CPU];

	switch (place) {
	case 0:
		return cache->blocks[0];
	case 1:
		return cache->blocks[cache->block_count - 1];
	case 2:
		return list->first;
	case 3:
		return root->storage[1];
	default:
		return node->storage[4];
	}
}

#define PLACES 5

START_TEST(a_block_that_another_cpu_or_a_depot_keeps_is_refused)
{
	all_blocks_at_the_other_cpu();

	uint64_t block = kept_block(_i);

	assert_refused(block, FRESH_FRAMES, block, LISTED);
	assert_refused(block, 1, block, LISTED);
	assert_refused(block + FRESH_FRAMES - 1, 1, block + FRESH_FRAMES - 1, LISTED);
	assert_refused(block + FRESH_FRAMES / 2, FRESH_FRAMES / 2, block + FRESH_FRAMES / 2,
		       LISTED);
}
END_TEST

START_TEST(a_block_of_a_refill_is_refused)
{
	ck_assert(take_block());

	uint64_t block = frame_caches[0].blocks[0];

	assert_refused(block, FRESH_FRAMES, block, LISTED);
}
END_TEST

START_TEST(frames_of_the_host_in_kept_blocks_are_put_aside)
{
	unsigned count = all_blocks_at_the_other_cpu();
	uint64_t free = count_free();
	struct meta_slot *host[PLACES];
	struct segment segments[BLOCKS_MAX];
	unsigned made = 0;

	for (int i = 0; i < PLACES; i++) {
		host[i] = pfn_to_meta(pfn(kept_block(i) + (uint64_t)i * 100));
		ck_assert(slot_host_claim(host[i]));
	}
	while (segment_alloc(stamp, FRESH_FRAMES, 1, NULL, NULL, &segments[made]))
		made++;
	ck_assert_uint_eq(made, count - PLACES);
	ck_assert_uint_eq(read_stats().parked, PLACES);
	while (made)
		segment_drop(&segments[--made]);
	for (int i = 0; i < PLACES; i++)
		host_release(host[i]);
	take_all_blocks();
	ck_assert_uint_eq(held_count, count);
	give_all_blocks();
	ck_assert_uint_eq(count_free(), free);
}
END_TEST

/* Before frame_alloc_init, in a machine that has metadata. */
static void forget_allocator(void)
{
	frame_alloc_started = false;
	memset(frame_caches, 0, sizeof(frame_caches));
	memset(&frame_pool, 0, sizeof(frame_pool));
	memset(frame_depots, 0, sizeof(frame_depots));
	memset(&frame_managed, 0, sizeof(frame_managed));
}

static void early_frame(void)
{
	frame_put(frame_alloc(stamp, &stamp));
}

static void early_block(void)
{
	take_block();
}

static void early_run(void)
{
	held_count += frame_alloc_take(3, 1, &held[0]);
}

static void early_segment(void)
{
	struct segment segment;

	held_count += segment_alloc(stamp, 2, 1, NULL, NULL, &segment);
}

static void early_add(void)
{
	held_count += frame_alloc_add(paddr(MEMORY_SIZE / 2), paddr(MEMORY_SIZE));
}

static void early_give(void)
{
	frame_alloc_give(pfn(FRAMES / 2), FRESH_FRAMES);
}

START_TEST(use_before_init_aborts)
{
	void (*const uses[])(void) = {early_frame,   early_block, early_run,
				      early_segment, early_add,   frame_alloc_merge};

	forget_allocator();
	for (unsigned i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		assert_aborts(uses[i], "the allocator is used before frame_alloc_init");
	assert_aborts(early_give, FOREIGN);
}
END_TEST

Suite *frame_blocks_suite(void)
{
	Suite *suite = suite_create("frame_blocks");
	TCase *tcase = tcase_create("frame_blocks");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	TCASE_ADD_TESTS(tcase, blocks_that_come_back_are_the_next_to_be_taken,
			a_full_stack_leaves_its_older_half_in_the_depot,
			a_refill_leaves_most_to_the_others,
			another_cpu_finds_blocks_in_stack_and_depot,
			another_cpus_blocks_are_found_without_merging,
			single_frames_come_from_another_cpus_blocks, short_runs_come_from_one_block,
			longer_runs_are_merged_from_blocks, merging_drains_stacks_and_depots,
			counts_include_blocks_everywhere, a_refused_run_changes_no_count,
			a_kept_block_does_not_merge_with_its_buddy,
			memory_of_kept_blocks_is_never_touched, a_block_of_a_refill_is_refused,
			frames_of_the_host_in_kept_blocks_are_put_aside, use_before_init_aborts);
	tcase_add_loop_test(tcase, a_block_that_another_cpu_or_a_depot_keeps_is_refused, 0, PLACES);
	suite_add_tcase(suite, tcase);
	return suite;
}
