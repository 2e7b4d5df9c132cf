/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/check over the allocator's state: each breaks a free list, a count, a tag or the
 * descriptor.
 */
#include "unit/suites.h"

#include <string.h>

#include "pagemeta/free_list.h"
#include "pagemeta/frame_bundle.h"
#include "unit/checked_machine.h"

static uint64_t *first_block(unsigned order)
{
	return pool_word(checked.allocator->block_first) + order;
}

static uint64_t *block_count(unsigned order)
{
	return pool_word(checked.allocator->block_count) + order;
}

/* The smallest order of more than one frame that has blocks. */
static unsigned some_order(void)
{
	unsigned order = 1;

	while (*block_count(order) == 0)
		order++;
	return order;
}

static uint64_t stack_frame(unsigned cpu)
{
	ck_assert_uint_gt(*cache_count(cpu, checked.allocator->cache_stack_count), 0);
	return *cache_word(cpu, checked.allocator->cache_stack);
}

/* The CPU that freed the most left its bundles in its own depot. */
#define FRAMES_DEPOT 1

static uint64_t depot_root(void)
{
	ck_assert_uint_gt(*depot_word(FRAMES_DEPOT, checked.allocator->depot_frames_count), 0);
	return *depot_word(FRAMES_DEPOT, checked.allocator->depot_frames_first);
}

static uint64_t *kept_blocks(void)
{
	return cache_word(0, checked.allocator->cache_blocks);
}

static uint64_t depot_block(void)
{
	return *depot_word(KEPT_DEPOT, checked.allocator->depot_blocks_first);
}

/* A leaf of the bundle of blocks. */
static uint64_t leaf_block(void)
{
	return slot_at(slot_at(depot_block())->storage[5])->storage[2];
}

/* Claims a frame in place, as an owner who took it past the allocator. */
static void seize(uint64_t frame)
{
	slot_at(frame)->state = slot_state(7, 1);
	slot_at(frame)->vtable_ptr = (uintptr_t)&meta_type_stamp;
}

START_TEST(every_kind_of_list_has_frames)
{
	checked_look(CHECK_AT_REST);
	ck_assert_uint_eq(checked.findings.total, 0);
	depot_root();
	stack_frame(1);
	ck_assert_uint_gt(*cache_count(0, checked.allocator->cache_freed_count), 0);
	ck_assert_uint_lt(*cache_word(0, checked.allocator->cache_fresh_next),
			  *cache_word(0, checked.allocator->cache_fresh_end));
	ck_assert_uint_eq(*pool_word(checked.allocator->parked_count), 2);
	ck_assert_uint_eq(*pool_word(checked.allocator->parked_block_count), 1);
	ck_assert_uint_gt(*block_count(some_order()), 0);
}
END_TEST

/* One free frame from each place that holds free frames. */
static uint64_t free_frame(int place)
{
	switch (place) {
	case 0:
		return *first_block(some_order());
	case 1:
		return *first_block(some_order()) + 1;
	case 2:
		return stack_frame(1);
	case 3:
		return *cache_word(0, checked.allocator->cache_freed);
	case 4:
		return *cache_word(0, checked.allocator->cache_fresh_next);
	case 5:
		return depot_root();
	case 6:
		return slot_at(slot_at(depot_root())->storage[2])->storage[3];
	case 7:
		return checked.parked[1].index;
	case 8:
		return kept_blocks()[1];
	case 9:
		return kept_blocks()[0] + KEPT_FRAMES - 1;
	case 10:
		return depot_block();
	case 11:
		return depot_block() + 1;
	case 12:
		return leaf_block();
	case 13:
		return checked.parked_block.index;
	case 14:
		return checked.parked_block.index + KEPT_FRAMES - 1;
	default:
		return leaf_block() + KEPT_FRAMES - 1;
	}
}

#define PLACES 16

START_TEST(a_listed_frame_in_use_is_found)
{
	seize(free_frame(_i));
	assert_finds(RULE_LISTED_IN_USE, free_frame(_i));
}
END_TEST

START_TEST(a_listed_frame_that_is_busy_is_found)
{
	struct meta_slot *slot = slot_at(free_frame(_i));

	slot->state = slot_state(slot_state_generation(slot->state), REF_BUSY);
	assert_finds_only(RULE_LISTED_IN_USE, free_frame(_i));
}
END_TEST

START_TEST(a_listed_frame_of_the_hosts_is_fine)
{
	struct meta_slot *slot = slot_at(free_frame(_i));

	slot->state = slot_state(slot_state_generation(slot->state) + 1, REF_HOST);
	checked_look(CHECK_AT_REST);
	ck_assert_uint_eq(checked.findings.total, 0);
}
END_TEST

START_TEST(a_wrong_tag_is_found)
{
	slot_at(free_frame(_i))->vtable_ptr = FREE_TAG_BLOCK + 17;
	assert_finds_only(RULE_FREE_TAG, free_frame(_i));
}
END_TEST

START_TEST(a_frame_that_is_listed_twice_is_found)
{
	const uint32_t count = (*cache_count(2, checked.allocator->cache_freed_count))++;

	cache_word(2, checked.allocator->cache_freed)[count] = free_frame(_i);
	assert_finds_only(RULE_LISTED_TWICE, free_frame(_i));
}
END_TEST

START_TEST(an_empty_place_among_the_freed_is_a_lost_frame)
{
	uint64_t *freed = cache_word(0, checked.allocator->cache_freed);
	uint64_t frame = freed[1];

	freed[1] = FREE_LINK_NONE;
	assert_finds_only(RULE_LOST_FRAME, frame);
}
END_TEST

START_TEST(a_block_that_fell_out_of_a_cache_is_found)
{
	uint64_t block = kept_blocks()[KEPT_CACHED - 1];

	--*cache_count(0, checked.allocator->cache_block_count);
	assert_finds(RULE_LOST_FRAME, block);
	ck_assert_uint_eq(checked.findings.total, KEPT_FRAMES);
}
END_TEST

START_TEST(blocks_that_fell_out_of_a_depot_are_found)
{
	uint64_t block = depot_block();

	*depot_word(KEPT_DEPOT, checked.allocator->depot_blocks_first) = FREE_LINK_NONE;
	assert_finds(RULE_LOST_FRAME, block);
	assert_finds(RULE_FREE_COUNT, WHOLE_GUEST);
	ck_assert_uint_eq(checked.findings.total, BUNDLE_FRAMES * KEPT_FRAMES + 1);
}
END_TEST

START_TEST(an_unaligned_block_of_a_cache_or_depot_is_found)
{
	uint64_t *const places[] = {
		kept_blocks(),
		&slot_at(slot_at(depot_block())->storage[5])->storage[2],
	};

	++*places[_i];
	assert_finds(RULE_FREE_LINK, *places[_i]);
}
END_TEST

START_TEST(a_block_that_two_places_keep_is_found)
{
	kept_blocks()[0] = leaf_block();
	assert_finds(RULE_LISTED_TWICE, leaf_block());
}
END_TEST

START_TEST(a_block_of_a_depot_with_the_tag_of_another_place_is_found)
{
	slot_at(leaf_block())->vtable_ptr = FREE_TAG_BLOCK + KEPT_ORDER;
	assert_finds_only(RULE_FREE_TAG, leaf_block());
}
END_TEST

START_TEST(a_list_of_bundles_of_blocks_that_is_a_circle_ends)
{
	slot_at(depot_block())->storage[FREE_NEXT] = depot_block();
	*depot_word(KEPT_DEPOT, checked.allocator->depot_blocks_count) = UINT64_MAX;
	assert_finds(RULE_LISTED_TWICE, depot_block());
}
END_TEST

START_TEST(a_frame_that_fell_out_of_a_cache_is_found)
{
	uint32_t *count = cache_count(1, checked.allocator->cache_stack_count);
	uint64_t frame = cache_word(1, checked.allocator->cache_stack)[*count - 1];

	--*count;
	assert_finds_only(RULE_LOST_FRAME, frame);
}
END_TEST

START_TEST(frames_that_fell_out_of_a_fresh_block_are_found)
{
	uint64_t frame = (*cache_word(0, checked.allocator->cache_fresh_next))++;

	assert_finds_only(RULE_LOST_FRAME, frame);
}
END_TEST

START_TEST(a_block_that_fell_out_of_its_list_is_found)
{
	unsigned order = some_order();
	uint64_t block = *first_block(order);

	*first_block(order) = slot_at(block)->storage[FREE_NEXT];
	assert_finds(RULE_LOST_FRAME, block);
	assert_finds(RULE_FREE_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(a_count_of_blocks_that_is_wrong_is_found)
{
	(*block_count(some_order()))++;
	assert_finds_only(RULE_FREE_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(a_count_of_bundles_that_is_wrong_is_found)
{
	const uint32_t counts[] = {checked.allocator->depot_frames_count,
				   checked.allocator->depot_blocks_count};

	for (unsigned depot = 0; depot < checked.allocator->depot_count; depot++) {
		uint64_t count = *depot_word(depot, counts[_i]);

		*depot_word(depot, counts[_i]) = UINT64_C(1) << 40;
		assert_finds_only(RULE_FREE_COUNT, WHOLE_GUEST);
		*depot_word(depot, counts[_i]) = count;
	}
}
END_TEST

START_TEST(a_count_of_managed_frames_that_is_wrong_is_found)
{
	(*pool_word(checked.allocator->managed_frames))--;
	assert_finds_only(RULE_FREE_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(a_stack_of_gigabytes_is_found)
{
	*cache_count(1, checked.allocator->cache_stack_count) = UINT32_MAX;
	assert_finds(RULE_FREE_COUNT, WHOLE_GUEST);
	*cache_count(1, checked.allocator->cache_stack_count) = checked.allocator->cache_stack_max +
								1;
	assert_finds(RULE_FREE_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(a_stack_of_too_many_blocks_is_found)
{
	*cache_count(2, checked.allocator->cache_block_count) = UINT32_MAX;
	assert_finds_only(RULE_FREE_COUNT, WHOLE_GUEST);
	*cache_count(2, checked.allocator->cache_block_count) =
		checked.allocator->cache_blocks_max + 1;
	assert_finds_only(RULE_FREE_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(a_wrong_link_back_is_found)
{
	unsigned order = some_order();

	slot_at(*first_block(order))->storage[FREE_PREVIOUS] = 5;
	assert_finds_only(RULE_FREE_LINK, *first_block(order));
}
END_TEST

START_TEST(a_list_of_blocks_that_is_a_circle_ends)
{
	uint64_t block = *first_block(some_order());

	slot_at(block)->storage[FREE_NEXT] = block;
	assert_finds(RULE_LISTED_TWICE, block);
}
END_TEST

START_TEST(a_depot_that_is_a_circle_ends)
{
	slot_at(depot_root())->storage[FREE_NEXT] = depot_root();
	assert_finds(RULE_LISTED_TWICE, depot_root());
}
END_TEST

START_TEST(a_parked_list_that_is_a_circle_ends)
{
	slot_at(checked.parked[0].index)->storage[FREE_NEXT] = checked.parked[0].index;
	assert_finds(RULE_LISTED_TWICE, checked.parked[0].index);
}
END_TEST

START_TEST(a_parked_block_that_fell_out_is_found)
{
	*pool_word(checked.allocator->parked_block_first) = FREE_LINK_NONE;
	assert_finds_only(RULE_FREE_COUNT, WHOLE_GUEST);
}
END_TEST

START_TEST(another_previous_parked_frame_is_found)
{
	slot_at(checked.parked[0].index)->storage[FREE_PREVIOUS] = checked.parked[0].index;
	assert_finds_only(RULE_FREE_LINK, checked.parked[0].index);
}
END_TEST

START_TEST(links_outside_of_the_array_are_found)
{
	enum { LINK_IS_END = 11 };
	const uint64_t wild[] = {machine.array.slots, UINT64_MAX - 1, UINT64_C(1) << 58};
	uint64_t *const links[] = {
		first_block(some_order()),
		&slot_at(*first_block(some_order()))->storage[FREE_NEXT],
		cache_word(1, checked.allocator->cache_stack),
		cache_word(0, checked.allocator->cache_freed),
		depot_word(FRAMES_DEPOT, checked.allocator->depot_frames_first),
		&slot_at(depot_root())->storage[FREE_NEXT],
		&slot_at(depot_root())->storage[3],
		&slot_at(slot_at(depot_root())->storage[3])->storage[5],
		pool_word(checked.allocator->parked_first),
		pool_word(checked.allocator->parked_block_first),
		&slot_at(checked.parked[0].index)->storage[FREE_NEXT],
		cache_word(0, checked.allocator->cache_fresh_end),
		kept_blocks(),
		depot_word(KEPT_DEPOT, checked.allocator->depot_blocks_first),
		&slot_at(depot_block())->storage[FREE_NEXT],
		&slot_at(depot_block())->storage[4],
		&slot_at(slot_at(depot_block())->storage[4])->storage[0],
	};

	for (unsigned link = 0; link < sizeof(links) / sizeof(links[0]); link++) {
		uint64_t old = *links[link];

		*links[link] = wild[_i] + (link == LINK_IS_END);
		assert_finds(RULE_FREE_LINK, WHOLE_GUEST);
		*links[link] = old;
	}
	checked_look(CHECK_AT_REST);
	ck_assert_uint_eq(checked.findings.total, 0);
}
END_TEST

START_TEST(an_unaligned_block_is_found)
{
	unsigned order = some_order();
	uint64_t block = *first_block(order);
	struct meta_slot *slot = slot_at(block + 1);

	*slot = *slot_at(block);
	slot->state = slot_at(block)->state;
	*first_block(order) = block + 1;
	assert_finds(RULE_FREE_LINK, block + 1);
}
END_TEST

START_TEST(a_block_past_the_end_is_found)
{
	struct meta_slot *slot = slot_at(0);

	slot->storage[FREE_NEXT] = *first_block(18);
	slot->storage[FREE_PREVIOUS] = FREE_LINK_NONE;
	slot->vtable_ptr = FREE_TAG_BLOCK + 18;
	*first_block(18) = 0;
	*block_count(18) = 1;
	assert_finds(RULE_FREE_LINK, 0);
}
END_TEST

START_TEST(a_block_inside_of_another_is_found)
{
	unsigned order = some_order();
	uint64_t inside = *first_block(order) + 1;

	slot_at(inside)->storage[FREE_NEXT] = *first_block(0);
	*first_block(0) = inside;
	assert_finds(RULE_LISTED_TWICE, inside);
}
END_TEST

START_TEST(a_frame_that_is_not_the_allocators_is_found)
{
	struct allocator_range *ranges = platform_phys_to_virt(paddr(RANGES_PA));
	struct allocator_range *first =
		(struct allocator_range *)((uint8_t *)ranges + checked.allocator->range_first);
	uint64_t last = *(uint32_t *)((uint8_t *)ranges + checked.allocator->range_count) - 1u;

	first[last].end--;
	(*pool_word(checked.allocator->managed_frames))--;
	assert_finds_only(RULE_FOREIGN_FRAME, machine.array.slots - 1);
}
END_TEST

START_TEST(garbled_ranges_are_found)
{
	uint8_t *ranges = platform_phys_to_virt(paddr(RANGES_PA));
	uint64_t *bound = (uint64_t *)(ranges + checked.allocator->range_first);

	uint64_t end = bound[1];

	bound[1] = UINT64_MAX;
	assert_finds(RULE_ALLOCATOR, WHOLE_GUEST);
	bound[1] = end;
	*(uint32_t *)(ranges + checked.allocator->range_count) = UINT32_MAX;
	assert_finds(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

START_TEST(a_lock_that_is_held_is_found)
{
	*cache_count(3, checked.allocator->cache_lock) = 1;
	assert_finds_only(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

START_TEST(a_depots_lock_that_is_held_is_found)
{
	*(uint32_t *)depot_word(5, checked.allocator->depot_lock) = 1;
	assert_finds_only(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

START_TEST(while_a_lock_is_held_lists_may_be_anything)
{
	*(uint32_t *)pool_word(checked.allocator->pool_lock) = 1;
	*first_block(some_order()) = UINT64_MAX - 1;
	checked.info->boot_stage = STAGE_RUNNING;
	checked_look(CHECK_ANY_INSTANT);
	ck_assert_uint_eq(checked.findings.total, 0);
	ck_assert(!checked.summary.has_lists);
}
END_TEST

/* Each word of the descriptor as garbage, in three ways: the worst outcome is findings. */
START_TEST(a_garbled_descriptor_does_no_harm)
{
	const uint32_t garbage[] = {UINT32_MAX, 0x7fffffff, 0};
	uint32_t *words = (uint32_t *)checked.allocator;

	for (unsigned i = 0; i < sizeof(*checked.allocator) / sizeof(*words); i++) {
		uint32_t old = words[i];

		words[i] = garbage[_i];
		checked_look(CHECK_AT_REST);
		words[i] = old;
	}
	checked_look(CHECK_AT_REST);
	ck_assert_uint_eq(checked.findings.total, 0);
}
END_TEST

START_TEST(a_descriptor_of_another_version_is_refused)
{
	checked.allocator->version++;
	assert_finds_only(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

START_TEST(a_descriptor_outside_of_ram_is_refused)
{
	checked.info->allocator_pa = SMALL_MACHINE_SIZE - 8;
	assert_finds_only(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

START_TEST(a_pool_outside_of_ram_is_found)
{
	checked.allocator->pool_va = 0;
	assert_finds_only(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

START_TEST(depots_outside_of_ram_are_found)
{
	checked.allocator->depots_va = 0;
	assert_finds_only(RULE_ALLOCATOR, WHOLE_GUEST);
}
END_TEST

Suite *check_free_lists_suite(void)
{
	Suite *suite = suite_create("check_free_lists");
	TCase *tcase = tcase_create("check_free_lists");

	tcase_set_timeout(tcase, SLOW_TEST_TIMEOUT);
	tcase_add_checked_fixture(tcase, checked_machine_setup, checked_machine_teardown);
	TCASE_ADD_TESTS(
		tcase, a_block_that_fell_out_of_a_cache_is_found,
		blocks_that_fell_out_of_a_depot_are_found, a_block_that_two_places_keep_is_found,
		a_block_of_a_depot_with_the_tag_of_another_place_is_found,
		a_list_of_bundles_of_blocks_that_is_a_circle_ends, every_kind_of_list_has_frames,
		an_empty_place_among_the_freed_is_a_lost_frame,
		a_frame_that_fell_out_of_a_cache_is_found,
		frames_that_fell_out_of_a_fresh_block_are_found,
		a_block_that_fell_out_of_its_list_is_found,
		a_count_of_blocks_that_is_wrong_is_found, a_stack_of_too_many_blocks_is_found,
		a_count_of_managed_frames_that_is_wrong_is_found, a_stack_of_gigabytes_is_found,
		a_wrong_link_back_is_found, a_list_of_blocks_that_is_a_circle_ends,
		a_depot_that_is_a_circle_ends, a_parked_list_that_is_a_circle_ends,
		a_parked_block_that_fell_out_is_found, another_previous_parked_frame_is_found,
		an_unaligned_block_is_found, a_block_past_the_end_is_found,
		a_block_inside_of_another_is_found, a_frame_that_is_not_the_allocators_is_found,
		garbled_ranges_are_found, a_lock_that_is_held_is_found,
		a_depots_lock_that_is_held_is_found, while_a_lock_is_held_lists_may_be_anything,
		a_descriptor_of_another_version_is_refused, a_descriptor_outside_of_ram_is_refused,
		a_pool_outside_of_ram_is_found, depots_outside_of_ram_are_found);
	tcase_add_loop_test(tcase, a_count_of_bundles_that_is_wrong_is_found, 0, 2);
	tcase_add_loop_test(tcase, an_unaligned_block_of_a_cache_or_depot_is_found, 0, 2);
	tcase_add_loop_test(tcase, a_listed_frame_in_use_is_found, 0, PLACES);
	tcase_add_loop_test(tcase, a_listed_frame_that_is_busy_is_found, 0, PLACES);
	tcase_add_loop_test(tcase, a_listed_frame_of_the_hosts_is_fine, 0, PLACES);
	tcase_add_loop_test(tcase, a_wrong_tag_is_found, 0, PLACES);
	tcase_add_loop_test(tcase, a_frame_that_is_listed_twice_is_found, 0, PLACES);
	tcase_add_loop_test(tcase, links_outside_of_the_array_are_found, 0, 3);
	tcase_add_loop_test(tcase, a_garbled_descriptor_does_no_harm, 0, 3);
	suite_add_tcase(suite, tcase);
	return suite;
}
