/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/ram_extent.h and vmm/view/coverage.h: how much RAM a guest has by its memory map, what of
 * it is in the memory, and what a command says about the rest.
 */
#include "unit/suites.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/layout.h>
#include <pagevisor/pvh.h>

#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/pagevisor_guest.h"
#include "kind/pagevisor/ram_extent.h"
#include "memory/rcu.h"
#include "view/coverage.h"

#define MIB        (UINT64_C(1) << 20)
#define GIB        (UINT64_C(1) << 30)
#define REGIONS_PA (16 * PAGE_SIZE + 8)

static struct guest_memory memory;
static struct guest_view view;
static struct info_region *regions;
static struct error err;
static int fd;

static void add_memory(uint64_t base, uint64_t size)
{
	ck_assert_msg(guest_memory_add(&memory, paddr(base), size, fd, 0, true, &err) == 0, "%s",
		      err.text);
}

static void setup(void)
{
	urcu_memb_register_thread();
	fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 8 * GIB), 0);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	add_memory(0, 3 * GIB);
	regions = memory_map_at(guest_memory_map(&memory), paddr(REGIONS_PA), PAGE_SIZE);
	view = (struct guest_view){.regions = paddr(REGIONS_PA), .slot_count = 5 * GIB / PAGE_SIZE};
}

static void teardown(void)
{
	guest_memory_destroy(&memory);
	close(fd);
	urcu_memb_unregister_thread();
}

static void add_region(uint64_t start, uint64_t end, uint32_t type)
{
	regions[view.region_count++] =
		(struct info_region){.addr = start, .size = end - start, .type = type};
}

static void extent_is(uint64_t bytes, uint64_t missing)
{
	struct ram_extent extent = ram_extent_measure(&memory, &view);

	ck_assert_uint_eq(extent.frames, bytes / PAGE_SIZE);
	ck_assert_uint_eq(extent.missing, missing / PAGE_SIZE);
}

/* A machine of 4 GiB, as both our VMM and firmware describe it; q35 reserves 256 MiB below 3 GiB, and much at 1 TiB. */
START_TEST(holes_and_devices_are_no_ram)
{
	add_memory(4 * GIB, GIB);
	add_region(4 * GIB, 5 * GIB, E820_USABLE);
	add_region(0, 0x9fc00, E820_USABLE);
	add_region(0x9fc00, MIB, E820_RESERVED);
	add_region(MIB, 3 * GIB, E820_USABLE);
	extent_is(4 * GIB, 0);
	add_region(0xe0000000, 0xf0000000, E820_RESERVED);
	add_region(0xfd00000000, 0x10000000000, E820_RESERVED);
	extent_is(4 * GIB, 0);
	/* Between two regions, even if the memory has something there. */
	regions[2].size -= 4 * PAGE_SIZE;
	extent_is(4 * GIB - 4 * PAGE_SIZE, 0);
}
END_TEST

START_TEST(what_the_memory_lacks_is_missing)
{
	add_region(0, 3 * GIB, E820_USABLE);
	add_region(4 * GIB, 5 * GIB, E820_USABLE);
	extent_is(4 * GIB, GIB);
	add_memory(4 * GIB + 512 * MIB, 256 * MIB);
	extent_is(4 * GIB, GIB - 256 * MIB);
	add_memory(4 * GIB, 512 * MIB);
	add_memory(4 * GIB + 768 * MIB, 256 * MIB);
	extent_is(4 * GIB, 0);
	/* What nothing describes is no RAM that is missing: here the hole. */
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(4 * GIB), &err), 0);
	extent_is(4 * GIB, 512 * MIB);
}
END_TEST

/* Regions in any order, empty, overlapping, unaligned, or beyond all addresses; a later kind wins over usable memory. */
START_TEST(maps_may_be_anything)
{
	add_region(0, 0, E820_RESERVED);
	add_region(3 * GIB + 1, 3 * GIB + PAGE_SIZE + 4095, E820_USABLE);
	extent_is(5 * GIB, 0); /* no RAM at all: such a map says nothing */
	add_region(3 * GIB + PAGE_SIZE, 3 * GIB + 2 * PAGE_SIZE + 1, E820_USABLE);
	extent_is(PAGE_SIZE, PAGE_SIZE);
	add_region(2 * GIB, 3 * GIB, E820_USABLE);
	add_region(2 * GIB, 3 * GIB, E820_ACPI_RECLAIMABLE);
	extent_is(GIB + PAGE_SIZE, PAGE_SIZE);
	add_region(3 * GIB + 3 * PAGE_SIZE + 1, 3 * GIB + 3 * PAGE_SIZE + 2, E820_ACPI_RECLAIMABLE);
	extent_is(GIB + 2 * PAGE_SIZE, 2 * PAGE_SIZE);
	add_region(3 * GIB - 1, 4 * GIB, 0xdeadbeef);
	extent_is(GIB, 0);
	add_region(UINT64_MAX - 5, UINT64_MAX, E820_USABLE);
	add_region(4 * GIB, UINT64_MAX, E820_USABLE);
	regions[view.region_count - 1].size = UINT64_MAX;
	extent_is(2 * GIB, GIB);
}
END_TEST

START_TEST(without_a_map_all_slots_are_ram)
{
	extent_is(5 * GIB, 0);
	view.region_count = 8;
	view.regions = paddr(7 * GIB);
	extent_is(5 * GIB, 0);
}
END_TEST

/* A guest that boots again has no slots for a while; its RAM is not that of the boot before. */
START_TEST(a_guest_without_slots_has_no_figures)
{
	static struct pagevisor_guest own;
	const uint64_t slots = view.slot_count;

	add_region(0, 3 * GIB, E820_USABLE);
	pagevisor_guest_set(&own, &memory, paddr(0), &view);
	ck_assert_uint_eq(own.guest.ram_frames, 3 * GIB / PAGE_SIZE);
	view.slot_count = 0;
	pagevisor_guest_set(&own, &memory, paddr(0), &view);
	ck_assert_uint_eq(own.guest.ram_frames, 0);
	ck_assert_uint_eq(own.guest.missing_frames, 0);
	view.slot_count = slots;
	pagevisor_guest_set(&own, &memory, paddr(0), &view);
	ck_assert_uint_eq(own.guest.ram_frames, 3 * GIB / PAGE_SIZE);
}
END_TEST

static void line_is(const struct source *source, const struct guest *guest, uint64_t unstable,
		    const char *expected)
{
	struct coverage coverage = coverage_of(source, guest, unstable);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	coverage_print(&coverage, NULL, out);
	fclose(out);
	ck_assert_str_eq(text, expected);
	ck_assert_int_eq(coverage_is_complete(&coverage),
			 strncmp(expected, "partial ", strlen("partial ")) != 0);
	free(text);
}

static void json_is(const struct source *source, const struct guest *guest, uint64_t unstable,
		    const char *expected)
{
	struct coverage coverage = coverage_of(source, guest, unstable);
	struct json_object *object = coverage_json(&coverage);

	ck_assert_str_eq(json_line(object), expected);
	json_object_put(object);
}

START_TEST(partial_answers_say_so)
{
	struct source source = {.has_all_memory = true};
	struct guest guest = {.frame_count = 200, .ram_frames = 100};

	line_is(&source, &guest, 0, "");
	json_is(&source, &guest, 0,
		"{\"covered_frames\":100,\"ram_frames\":100,\"unstable_frames\":0,"
		"\"complete\":true,\"metadata_only\":false}");
	line_is(&source, &guest, 3,
		"partial   97 of 100 frames of RAM, 3 changed during every attempt to read them\n");
	guest.missing_frames = 60;
	line_is(&source, &guest, 0,
		"partial   40 of 100 frames of RAM, the others are not in the memory that can be read\n");
	json_is(&source, &guest, 2,
		"{\"covered_frames\":38,\"ram_frames\":100,\"unstable_frames\":2,"
		"\"complete\":false,\"metadata_only\":false}");
	line_is(&source, &guest, 1000,
		"partial   0 of 100 frames of RAM, 1000 changed during every attempt to read them\n");
}
END_TEST

/* Its answers about frames lack nothing. */
START_TEST(a_capture_of_the_metadata_says_so)
{
	struct source source = {.memory = memory};
	struct guest guest = {.frame_count = 3 * GIB / PAGE_SIZE,
			      .ram_frames = 3 * GIB / PAGE_SIZE};

	line_is(&source, &guest, 0,
		"metadata  of all 786432 frames of RAM; their contents were not captured\n");
	json_is(&source, &guest, 0,
		"{\"covered_frames\":786432,\"ram_frames\":786432,\"unstable_frames\":0,"
		"\"complete\":true,\"metadata_only\":true}");
	guest.missing_frames = 786430;
	line_is(&source, &guest, 0,
		"partial   2 of 786432 frames of RAM, the others are not in the memory that can be read, "
		"a capture of the metadata alone\n");
	json_is(&source, &guest, 0,
		"{\"covered_frames\":2,\"ram_frames\":786432,\"unstable_frames\":0,"
		"\"complete\":false,\"metadata_only\":true}");
}
END_TEST

Suite *ram_extent_suite(void)
{
	Suite *suite = suite_create("ram_extent");
	TCase *tcase = tcase_create("ram_extent");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, holes_and_devices_are_no_ram);
	tcase_add_test(tcase, what_the_memory_lacks_is_missing);
	tcase_add_test(tcase, maps_may_be_anything);
	tcase_add_test(tcase, without_a_map_all_slots_are_ram);
	tcase_add_test(tcase, a_guest_without_slots_has_no_figures);
	tcase_add_test(tcase, partial_answers_say_so);
	tcase_add_test(tcase, a_capture_of_the_metadata_says_so);
	suite_add_tcase(suite, tcase);
	return suite;
}
