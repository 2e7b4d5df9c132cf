/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/mapping.h: frame to slot and back is exact for every slot of an array. */
#include "unit/suites.h"

#include "pagemeta/mapping.h"
#include "unit/fixture.h"

#define OFFSET_IN_FRAME 123

START_TEST(every_frame_maps_to_its_slot_and_back)
{
	ck_assert_uint_eq(machine.array.slots, SMALL_MACHINE_SIZE / PAGE_SIZE);
	for (uint64_t i = 0; i < machine.array.slots; i++) {
		paddr_t frame = paddr(i * PAGE_SIZE);
		struct meta_slot *slot = frame_to_meta(frame);

		ck_assert_ptr_eq(slot, platform_meta_base() + i);
		ck_assert_uint_eq(meta_to_frame(slot).addr, frame.addr);
		ck_assert_ptr_eq(pfn_to_meta(pfn(i)), slot);
		ck_assert_uint_eq(meta_to_pfn(slot).index, i);
	}
}
END_TEST

START_TEST(any_address_of_a_frame_maps_to_its_slot)
{
	for (uint64_t i = 0; i < machine.array.slots; i++) {
		struct meta_slot *slot = platform_meta_base() + i;

		ck_assert_ptr_eq(frame_to_meta(paddr(i * PAGE_SIZE + OFFSET_IN_FRAME)), slot);
		ck_assert_ptr_eq(frame_to_meta(paddr((i + 1) * PAGE_SIZE - 1)), slot);
	}
}
END_TEST

START_TEST(slots_are_aligned_to_their_size)
{
	for (uint64_t i = 0; i < machine.array.slots; i++)
		ck_assert_uint_eq((uintptr_t)pfn_to_meta(pfn(i)) % SLOT_SIZE, 0);
}
END_TEST

START_TEST(array_lies_in_memory_where_it_says)
{
	const struct meta_slot *linear = platform_phys_to_virt(machine.array.base);
	struct meta_slot *last = pfn_to_meta(pfn(machine.array.slots - 1));

	/* The array's own mapping and the linear one give the same bytes. */
	last->storage[0] = 0;
	ck_assert_uint_eq(linear[machine.array.slots - 1].storage[0], 0);
	last->storage[0] = UINT64_MAX;
	ck_assert_uint_eq(linear[machine.array.slots - 1].storage[0], UINT64_MAX);
}
END_TEST

Suite *mapping_suite(void)
{
	Suite *suite = suite_create("mapping");
	TCase *tcase = tcase_create("mapping");

	tcase_add_checked_fixture(tcase, small_machine_setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, every_frame_maps_to_its_slot_and_back,
			any_address_of_a_frame_maps_to_its_slot, slots_are_aligned_to_their_size,
			array_lies_in_memory_where_it_says);
	suite_add_tcase(suite, tcase);
	return suite;
}
