/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of pagemeta/meta_check.h: the walker finds nothing in a sound array and names every fault. */
#include "unit/suites.h"

#include "guest/mm/table_frames.h"
#include "pagemeta/meta_check.h"
#include "unit/fixture.h"

#define WILD_POINTER UINT64_C(0x1000)
#define ILLEGAL_REFS (REF_MAX_HELD + 1)

/* A hole, a reserved region and usable memory on both sides. */
#define RESERVED_START (2 * MIB)
#define RESERVED_END   (3 * MIB)
#define HOLE_START     RESERVED_END
#define HOLE_END       (4 * MIB)

static void setup(void)
{
	static const struct pvh_memmap_entry entries[] = {
		{0, RESERVED_START, E820_USABLE, 0},
		{RESERVED_START, RESERVED_END - RESERVED_START, E820_RESERVED, 0},
		{HOLE_END, SMALL_MACHINE_SIZE - HOLE_END, E820_USABLE, 0},
	};
	static const struct firmware_map map = MEMORY_MAP("check", entries);

	machine_create(&map);
}

static struct meta_slot *slot_at(uint64_t addr)
{
	return frame_to_meta(paddr(addr));
}

/* Expects one fault, in the frame at addr, described by `what`. */
static void assert_fault(uint64_t addr, const char *what)
{
	struct meta_fault fault;

	ck_assert_uint_eq(meta_check(&machine.array, &fault), 1);
	ck_assert_uint_eq(fault.frame.addr, addr);
	ck_assert_str_eq(fault.what, what);
	ck_assert_uint_eq(fault.state, slot_at(addr)->state);
	ck_assert_uint_eq(fault.vtable_ptr, slot_at(addr)->vtable_ptr);
}

static frame_t claim_stamp(void)
{
	const struct stamp_meta meta = {0};
	frame_t frame;

	ck_assert_uint_eq(frame_claim(stamp, some_unused_frame(), &meta, &frame), FRAME_OK);
	return frame;
}

START_TEST(sound_array_has_no_faults)
{
	struct meta_fault fault;

	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

START_TEST(frames_in_use_are_no_faults)
{
	struct meta_fault fault;
	frame_t frame = claim_stamp();

	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
	ck_assert(slot_unshare(frame.slot));
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

START_TEST(free_frames_of_the_allocator_are_no_faults)
{
	struct meta_fault fault;

	frame_alloc_init(&machine.array.partition);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

START_TEST(reserved_frame_of_another_type_is_found)
{
	slot_at(RESERVED_START)->vtable_ptr = (uintptr_t)region_type(REGION_HOLE);
	assert_fault(RESERVED_START, "the type of its region");
}
END_TEST

START_TEST(hole_that_reads_unused_is_found)
{
	slot_at(HOLE_START)->state = slot_state(0, REF_UNUSED);
	assert_fault(HOLE_START, "one reference, held for good");
}
END_TEST

START_TEST(array_frame_with_two_references_is_found)
{
	slot_get(frame_to_meta(machine.array.base));
	assert_fault(machine.array.base.addr, "one reference, held for good");
}
END_TEST

START_TEST(wrong_start_of_a_region_is_found)
{
	slot_at(HOLE_END - PAGE_SIZE)->storage[0] += PAGE_SIZE;
	assert_fault(HOLE_END - PAGE_SIZE, "the bounds of its region");
}
END_TEST

START_TEST(wrong_end_of_a_region_is_found)
{
	slot_at(RESERVED_START + PAGE_SIZE)->storage[1] -= PAGE_SIZE;
	assert_fault(RESERVED_START + PAGE_SIZE, "the bounds of its region");
}
END_TEST

START_TEST(usable_frame_in_an_illegal_state_is_found)
{
	uint64_t addr = some_unused_frame().addr;

	slot_at(addr)->state = slot_state(0, ILLEGAL_REFS);
	assert_fault(addr, "unused, in use or the host's");
}
END_TEST

START_TEST(usable_frame_left_busy_is_found)
{
	uint64_t addr = some_unused_frame().addr;

	ck_assert_uint_eq(slot_claim_begin(slot_at(addr), &(uint64_t){0}), REF_CLASS_UNUSED);
	assert_fault(addr, "unused, in use or the host's");
}
END_TEST

START_TEST(shared_frame_with_a_wild_vtable_is_found)
{
	claim_stamp().slot->vtable_ptr = WILD_POINTER;
	assert_fault(some_unused_frame().addr, "a registered type");
}
END_TEST

START_TEST(unique_frame_with_a_misaligned_vtable_is_found)
{
	frame_t frame = claim_stamp();

	ck_assert(slot_unshare(frame.slot));
	frame.slot->vtable_ptr += 1;
	assert_fault(some_unused_frame().addr, "a registered type");
}
END_TEST

/* A frame of the kernel's image may only get another type that is permanent, too. */
START_TEST(kernel_frame_with_a_type_of_its_own_is_no_fault)
{
	const struct kernel_page_table_meta meta = {.level = 1};
	const struct meta_type *const others[] = {region_type(REGION_HOLE), &meta_type_stamp};
	struct region *region = &machine.array.partition.regions[1];
	struct meta_fault fault;
	unique_frame_t own;

	/* A frame of the reserved region, marked as the kernel's. */
	ck_assert_uint_eq(region->start, RESERVED_START);
	region->kind = REGION_KERNEL;
	for (uint64_t addr = RESERVED_START; addr < RESERVED_END; addr += PAGE_SIZE)
		slot_at(addr)->vtable_ptr = (uintptr_t)region_type(REGION_KERNEL);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
	ck_assert(unique_from_shared((frame_t){slot_at(RESERVED_START)}, &own));
	unique_replace(own, kernel_page_table, &meta);
	slot_get(unique_share(own).slot);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
	for (unsigned i = 0; i < 2; i++) {
		slot_at(RESERVED_START)->vtable_ptr = (uintptr_t)others[i];
		assert_fault(RESERVED_START, "the type of its region");
	}
	slot_at(RESERVED_START)->vtable_ptr = (uintptr_t)&meta_type_kernel_page_table;
	slot_at(RESERVED_START)->state = slot_state(0, REF_UNUSED);
	assert_fault(RESERVED_START, "the type of its region");
}
END_TEST

START_TEST(last_slot_is_checked_too)
{
	uint64_t addr = SMALL_MACHINE_SIZE - PAGE_SIZE;

	slot_at(addr)->state = slot_state(0, ILLEGAL_REFS);
	assert_fault(addr, "unused, in use or the host's");
}
END_TEST

START_TEST(every_fault_counts_and_the_first_is_named)
{
	struct meta_fault fault;

	slot_at(HOLE_START)->vtable_ptr = WILD_POINTER;
	slot_at(RESERVED_START)->vtable_ptr = 0;
	slot_at(SMALL_MACHINE_SIZE - PAGE_SIZE)->state = slot_state(0, ILLEGAL_REFS);
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 3);
	ck_assert_uint_eq(fault.frame.addr, RESERVED_START);
	ck_assert_uint_eq(fault.vtable_ptr, 0);
}
END_TEST

Suite *meta_check_suite(void)
{
	Suite *suite = suite_create("meta_check");
	TCase *tcase = tcase_create("meta_check");

	tcase_add_checked_fixture(tcase, setup, machine_destroy);
	TCASE_ADD_TESTS(tcase, sound_array_has_no_faults, frames_in_use_are_no_faults,
			free_frames_of_the_allocator_are_no_faults,
			reserved_frame_of_another_type_is_found, hole_that_reads_unused_is_found,
			array_frame_with_two_references_is_found, wrong_start_of_a_region_is_found,
			wrong_end_of_a_region_is_found, usable_frame_in_an_illegal_state_is_found,
			usable_frame_left_busy_is_found, shared_frame_with_a_wild_vtable_is_found,
			unique_frame_with_a_misaligned_vtable_is_found, last_slot_is_checked_too,
			kernel_frame_with_a_type_of_its_own_is_no_fault,
			every_fault_counts_and_the_first_is_named);
	suite_add_tcase(suite, tcase);
	return suite;
}
