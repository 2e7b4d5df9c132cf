/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of pagemeta/meta_init.h: for every memory map in this file, every slot is correct about its frame. The expected
 * state is worked out here, frame by frame from the raw map. Refusals of meta_init are in test_meta_init_errors.c.
 *
 * PAGEVISOR_MAP_MAX=N leaves out maps whose memory ends past N bytes, for emulators.
 */
#include "unit/suites.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "guest/boot/memory_map.h"
#include "pagemeta/meta_check.h"
#include "unit/fixture.h"
#include "unit/qemu_maps.h"

/* The array takes 64 bytes of each 4096: 1.5625 %; the rest is rounding. */
#define OVERHEAD_PER_MILLE 16

/* The map from our own VMM: the VGA and BIOS hole and the interrupt controllers are reserved. */
static const struct pvh_memmap_entry vmm_64m[] = {
	{0, 0xa0000, E820_USABLE, 0},
	{0xa0000, 0x60000, E820_RESERVED, 0},
	{MIB, 63 * MIB, E820_USABLE, 0},
	{IOAPIC_BASE, PAGE_SIZE, E820_RESERVED, 0},
	{LAPIC_BASE, LAPIC_SIZE, E820_RESERVED, 0},
};
static const struct pvh_memmap_entry vmm_3g[] = {
	{0, 0xa0000, E820_USABLE, 0},
	{0xa0000, 0x60000, E820_RESERVED, 0},
	{MIB, LOW_RAM_MAX - MIB, E820_USABLE, 0},
	{IOAPIC_BASE, PAGE_SIZE, E820_RESERVED, 0},
	{LAPIC_BASE, LAPIC_SIZE, E820_RESERVED, 0},
};
static const struct pvh_memmap_entry vmm_6g[] = {
	{0, 0xa0000, E820_USABLE, 0},
	{0xa0000, 0x60000, E820_RESERVED, 0},
	{MIB, LOW_RAM_MAX - MIB, E820_USABLE, 0},
	{IOAPIC_BASE, PAGE_SIZE, E820_RESERVED, 0},
	{LAPIC_BASE, LAPIC_SIZE, E820_RESERVED, 0},
	{HIGH_RAM_BASE, 3 * GIB, E820_USABLE, 0},
};

/* From no known machine, but allowed: out of order, overlapping, unaligned, empty, with bad memory. */
static const struct pvh_memmap_entry untidy[] = {
	{40 * MIB, 24 * MIB + 1, E820_USABLE, 0},
	{50 * MIB + 5, 10, E820_UNUSABLE, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{7, 32 * MIB, E820_USABLE, 0},
	{30 * MIB - 1, 3 * MIB, E820_RESERVED, 0},
	{8 * MIB, 0, E820_UNUSABLE, 0},
	{20 * MIB, 8 * MIB, E820_USABLE, 0},
	{31 * MIB, 4 * MIB, E820_NON_VOLATILE, 0},
	{MIB, 1, E820_ACPI_NVS, 0},
	{5 * MIB, MIB / 2, E820_ACPI_RECLAIMABLE, 0},
};

/* The shape of a PC's map with UEFI: ACPI tables behind the last usable memory below 4 GiB, and no memory above. */
static const struct pvh_memmap_entry reclaimable_last[] = {
	{0, 0xa0000, E820_USABLE, 0},
	{0x100000, 0x3a00000, E820_USABLE, 0},
	{0x3b00000, 0x80000, E820_RESERVED, 0},
	{0x3b80000, 0x20000, E820_ACPI_NVS, 0},
	{0x3ba0000, 0x60000, E820_ACPI_RECLAIMABLE, 0},
	{0x3c00000, 0x400000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct firmware_map other_maps[] = {
	MEMORY_MAP("own VMM 64 MiB", vmm_64m),
	MEMORY_MAP("own VMM 3 GiB", vmm_3g),
	MEMORY_MAP("own VMM 6 GiB", vmm_6g),
	MEMORY_MAP("untidy", untidy),
	MEMORY_MAP("reclaimable last", reclaimable_last),
};

#define MAP_COUNT (QEMU_MAP_COUNT + sizeof(other_maps) / sizeof(other_maps[0]))

static const struct firmware_map *map_at(int index)
{
	size_t i = (size_t)index;

	return i < QEMU_MAP_COUNT ? &qemu_maps[i] : &other_maps[i - QEMU_MAP_COUNT];
}

static bool overlaps(uint64_t frame, uint64_t start, uint64_t end)
{
	return start < end && start < frame + PAGE_SIZE && frame < end;
}

/* The kinds in a map, the strongest first. */
static const struct {
	uint32_t type;
	enum region_kind kind;
} kinds_in_map[] = {
	{E820_UNUSABLE, REGION_UNUSABLE},
	{E820_NON_VOLATILE, REGION_NON_VOLATILE},
	{E820_ACPI_NVS, REGION_ACPI_NVS},
	{E820_RESERVED, REGION_RESERVED},
	{E820_ACPI_RECLAIMABLE, REGION_ACPI_RECLAIMABLE},
	{E820_USABLE, REGION_USABLE},
};

/* The kind of a frame by the map alone: usable only if all of it is usable and no stronger kind touches it. */
static enum region_kind kind_in_map(const struct firmware_map *map, uint64_t frame)
{
	for (size_t k = 0; k < sizeof(kinds_in_map) / sizeof(kinds_in_map[0]); k++)
		for (unsigned i = 0; i < map->count; i++) {
			const struct pvh_memmap_entry *entry = &map->entries[i];
			uint64_t end = entry->addr + entry->size;

			if (entry->type != kinds_in_map[k].type ||
			    !overlaps(frame, entry->addr, end))
				continue;
			if (entry->type != E820_USABLE ||
			    (entry->addr <= frame && frame + PAGE_SIZE <= end))
				return kinds_in_map[k].kind;
		}
	return REGION_HOLE;
}

static bool is_early(const struct early_range *range, uint64_t frame)
{
	return overlaps(frame, range->start, range->next) &&
	       !overlaps(frame, range->gap_start, range->gap_end);
}

static enum region_kind expected_kind(const struct firmware_map *map, uint64_t frame)
{
	uint64_t array = machine.array.base.addr;

	if (overlaps(frame, array, array + machine.array.slots * SLOT_SIZE))
		return REGION_META;
	if (is_early(&machine.early.low, frame) || is_early(&machine.early.high, frame))
		return REGION_EARLY;
	return kind_in_map(map, frame);
}

static const char *expected_type_name(enum region_kind kind)
{
	static const char *const names[REGION_KIND_COUNT] = {
		[REGION_HOLE] = "hole",
		[REGION_ACPI_RECLAIMABLE] = "acpi_reclaimable",
		[REGION_RESERVED] = "reserved",
		[REGION_ACPI_NVS] = "acpi_nvs",
		[REGION_NON_VOLATILE] = "non_volatile",
		[REGION_UNUSABLE] = "unusable",
		[REGION_EARLY] = "early",
		[REGION_META] = "meta_page",
	};

	return names[kind];
}

/* Bare comparisons: Check's assertions are too slow for millions of slots. */
static bool slot_is_true(const struct meta_slot *slot, enum region_kind kind, uint64_t start,
			 uint64_t end)
{
	if (kind == REGION_USABLE)
		return slot_state_refs(slot->state) == REF_UNUSED;
	if (slot_state_refs(slot->state) != 1 || !meta_type_is_valid(slot->vtable_ptr))
		return false;

	const struct meta_type *type = (const struct meta_type *)(uintptr_t)slot->vtable_ptr;

	return strcmp(type->name, expected_type_name(kind)) == 0 && slot->storage[0] == start &&
	       slot->storage[1] == end;
}

static void assert_every_slot_is_true(const struct firmware_map *map)
{
	const uint64_t frames = machine.array.slots;
	uint8_t *kinds = malloc(frames);

	ck_assert_ptr_nonnull(kinds);
	for (uint64_t i = 0; i < frames; i++)
		kinds[i] = (uint8_t)expected_kind(map, i * PAGE_SIZE);
	for (uint64_t start = 0, end; start < frames; start = end) {
		for (end = start + 1; end < frames && kinds[end] == kinds[start];)
			end++;
		for (uint64_t i = start; i < end; i++)
			if (!slot_is_true(platform_meta_base() + i, kinds[start], start * PAGE_SIZE,
					  end * PAGE_SIZE))
				ck_abort_msg("%s: the slot of frame %#" PRIx64 " is not %s",
					     map->name, i * PAGE_SIZE,
					     region_kind_name(kinds[start]));
	}
	free(kinds);
}

static uint64_t count_usable_in_map(const struct firmware_map *map)
{
	uint64_t count = 0;

	for (uint64_t addr = 0; addr < meta_max_paddr; addr += PAGE_SIZE)
		count += kind_in_map(map, addr) == REGION_USABLE;
	return count;
}

START_TEST(every_slot_tells_the_truth)
{
	machine_create(map_at(_i));
	assert_every_slot_is_true(map_at(_i));
}
END_TEST

START_TEST(slots_end_with_the_last_ram)
{
	const struct firmware_map *map = map_at(_i);

	machine_prepare(map);

	uint64_t end = region_list_max_paddr(&machine.regions);

	ck_assert(region_kind_is_allocatable(kind_in_map(map, end - PAGE_SIZE)));
	for (unsigned i = 0; i < map->count; i++)
		if (region_kind_is_allocatable(region_kind_of_e820(map->entries[i].type)))
			ck_assert_uint_lt(map->entries[i].addr + map->entries[i].size,
					  end + PAGE_SIZE);
}
END_TEST

START_TEST(array_overhead_is_small)
{
	uint64_t bytes;

	machine_prepare(map_at(_i));

	uint64_t end = region_list_max_paddr(&machine.regions);

	ck_assert(meta_array_size(end, &bytes));
	ck_assert_uint_le(bytes * 1000, end * OVERHEAD_PER_MILLE);
}
END_TEST

START_TEST(array_describes_all_memory)
{
	machine_create(map_at(_i));
	ck_assert_uint_eq(meta_max_paddr, region_list_max_paddr(&machine.regions));
	ck_assert_uint_eq(machine.array.slots, meta_max_paddr / PAGE_SIZE);
}
END_TEST

START_TEST(own_check_finds_nothing)
{
	struct meta_fault fault;

	machine_create(map_at(_i));
	ck_assert_uint_eq(meta_check(&machine.array, &fault), 0);
}
END_TEST

/* The total cost of the array, including memory lost to its alignment. */
START_TEST(memory_lost_to_metadata_is_small)
{
	const struct firmware_map *map = map_at(_i);

	machine_create(map);

	uint64_t lost = count_usable_in_map(map) - count_unused(0, meta_max_paddr);

	ck_assert_uint_le(lost * 1000, machine.array.slots * OVERHEAD_PER_MILLE);
}
END_TEST

START_TEST(only_the_array_is_touched)
{
	machine_create(map_at(_i));

	const uint64_t start = machine.array.base.addr;
	const uint64_t end = align_up(start + machine.array.slots * SLOT_SIZE, PAGE_SIZE);

	ck_assert_uint_eq(count_resident(start, end), (end - start) / PAGE_SIZE);
	ck_assert_uint_eq(count_resident(0, start), 0);
	ck_assert_uint_eq(count_resident(end, meta_max_paddr), 0);
}
END_TEST

/* Frames of the kernel image at 1 MiB: the array avoids them, and they have their own type. */
START_TEST(kernel_image_keeps_its_frames)
{
	const struct firmware_map *map = &other_maps[0];
	const uint64_t end = KERNEL_PHYSICAL_LOAD + 16 * PAGE_SIZE;

	machine_prepare(map);
	ck_assert(region_list_add(&machine.regions, KERNEL_PHYSICAL_LOAD,
				  end - KERNEL_PHYSICAL_LOAD, REGION_KERNEL));
	ck_assert_uint_eq(meta_init(&machine.regions, &machine.early, &machine.array), META_OK);
	ck_assert_uint_ge(machine.array.base.addr, end);
	for (uint64_t addr = KERNEL_PHYSICAL_LOAD; addr < end; addr += PAGE_SIZE) {
		const struct meta_slot *slot = frame_to_meta(paddr(addr));

		ck_assert_ptr_eq(frame_type((frame_t){frame_to_meta(paddr(addr))}),
				 region_type(REGION_KERNEL));
		ck_assert_uint_eq(slot_state_refs(slot->state), 1);
		ck_assert_uint_eq(slot->storage[0], KERNEL_PHYSICAL_LOAD);
		ck_assert_uint_eq(slot->storage[1], end);
	}
}
END_TEST

START_TEST(frames_of_every_kind_get_its_type)
{
	const uint64_t base = 32 * MIB;

	machine_prepare(&other_maps[0]);
	for (unsigned kind = REGION_RECLAIMABLE; kind < REGION_KIND_COUNT; kind++)
		ck_assert(region_list_add(&machine.regions, base + kind * PAGE_SIZE, PAGE_SIZE,
					  (enum region_kind)kind));
	ck_assert_uint_eq(meta_init(&machine.regions, &machine.early, &machine.array), META_OK);
	for (unsigned kind = REGION_RECLAIMABLE; kind < REGION_KIND_COUNT; kind++) {
		frame_t frame = {frame_to_meta(paddr(base + kind * PAGE_SIZE))};

		ck_assert_ptr_eq(frame_type(frame), region_type((enum region_kind)kind));
		ck_assert_str_eq(frame_type(frame)->name, region_kind_name((enum region_kind)kind));
		ck_assert_uint_eq(frame_references(frame), 1);
	}
}
END_TEST

static uint64_t map_end(const struct firmware_map *map)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < map->count; i++)
		if (map->entries[i].type == E820_USABLE &&
		    map->entries[i].addr + map->entries[i].size > end)
			end = map->entries[i].addr + map->entries[i].size;
	return end;
}

static void add_map_tests(TCase *tcase)
{
	const uint64_t largest = test_setting("PAGEVISOR_MAP_MAX", UINT64_MAX);

	for (int i = 0; i < (int)MAP_COUNT; i++) {
		if (map_end(map_at(i)) > largest)
			continue;
		tcase_add_loop_test(tcase, every_slot_tells_the_truth, i, i + 1);
		tcase_add_loop_test(tcase, slots_end_with_the_last_ram, i, i + 1);
		tcase_add_loop_test(tcase, array_overhead_is_small, i, i + 1);
		/* Initialising gigabytes is slow: one test does it for all maps. */
		if (map_end(map_at(i)) > GIB)
			continue;
		tcase_add_loop_test(tcase, array_describes_all_memory, i, i + 1);
		tcase_add_loop_test(tcase, own_check_finds_nothing, i, i + 1);
		tcase_add_loop_test(tcase, only_the_array_is_touched, i, i + 1);
		tcase_add_loop_test(tcase, memory_lost_to_metadata_is_small, i, i + 1);
	}
}

Suite *meta_init_suite(void)
{
	Suite *suite = suite_create("meta_init");
	TCase *maps = tcase_create("maps");
	TCase *rest = tcase_create("rest");

	tcase_add_checked_fixture(maps, NULL, machine_destroy);
	tcase_set_timeout(maps, SLOW_TEST_TIMEOUT);
	add_map_tests(maps);
	suite_add_tcase(suite, maps);

	tcase_add_checked_fixture(rest, NULL, machine_destroy);
	TCASE_ADD_TESTS(rest, kernel_image_keeps_its_frames, frames_of_every_kind_get_its_type);
	suite_add_tcase(suite, rest);
	return suite;
}
