/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/slot_copy_walk.h: the same array once mapped and once copied is the same to all that look at it;
 * slots that change between two copies; sources that fail.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect/find/find_slots.h"
#include "kind/pagevisor/frame_look.h"
#include "kind/pagevisor/scan.h"
#include "inspect/map_image.h"
#include "unit/slot_array.h"

#define SLOTS          10000
#define SLOTS_PER_PAGE (PAGE_SIZE / SLOT_SIZE)

static struct slot_array array;
static struct guest_memory copied;
static struct scan scan;
static struct findings findings;

/* What the reader was asked, and what it does: after each read that has slot `victim` it calls `change`. */
static unsigned reads, fail_at;
static uint64_t victim;
static void (*change)(struct meta_slot *slot);

static uint64_t offset_of(paddr_t pa)
{
	ck_assert_uint_ge(pa.addr, array.view.array.addr);
	return pa.addr - array.view.array.addr;
}

static int read_array(void *own, paddr_t pa, void *buffer, size_t length)
{
	uint64_t offset = offset_of(pa), slot = victim * SLOT_SIZE;

	ck_assert_ptr_eq(own, &array);
	if (++reads == fail_at)
		return -ENOTCONN;
	ck_assert_int_eq(pread(array.fd, buffer, length, (off_t)offset), (ssize_t)length);
	if (change && slot >= offset && slot < offset + length)
		change(&array.slots[victim]);
	return 0;
}

static int find_data(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	off_t start = (off_t)offset_of(pa), end = start + (off_t)length;
	off_t from = lseek(array.fd, start, SEEK_DATA);

	(void)own;
	ck_assert(is_aligned(pa.addr | length, PAGE_SIZE));
	if (from < 0 || from > end)
		from = end;
	off_t to = from < end ? lseek(array.fd, from, SEEK_HOLE) : end;

	*hole = (uint64_t)(from - start);
	*data = (uint64_t)((to < end ? to : end) - from);
	return 0;
}

static void make_memory(size_t chunk, bool knows_holes)
{
	struct error err;

	ck_assert_int_eq(guest_memory_init(&copied, &err), 0);
	copied.reader = (struct memory_reader){.read = read_array,
					       .find_data = knows_holes ? find_data : NULL,
					       .own = &array,
					       .chunk = chunk};
	ck_assert_int_eq(guest_memory_add_copied(&copied, array.view.array,
						 align_up(SLOTS * SLOT_SIZE, PAGE_SIZE), &err),
			 0);
}

static void setup(void)
{
	slot_array_create(&array, SLOTS);
	make_memory(MEMORY_READER_CHUNK_MIN, true);
	reads = fail_at = 0;
	victim = 0;
	change = NULL;
}

static void teardown(void)
{
	guest_memory_destroy(&copied);
	slot_array_destroy(&array);
}

/* Every state and type, slots in runs of random length, and pages that were never written. */
static void fill(void)
{
	static const uint32_t refs[] = {REF_UNUSED, REF_BUSY, 1,         7,
					REF_UNIQUE, REF_HOST, 0x80000001};

	srand(1);
	for (uint64_t i = 0; i < SLOTS;) {
		uint64_t end = i + 1 + (uint64_t)(rand() % 200);
		uint32_t value = refs[(unsigned)rand() % (sizeof(refs) / sizeof(refs[0]))];
		unsigned type = (unsigned)rand() % (ARRAY_TYPES + 1);

		for (; i < end && i < SLOTS; i++)
			slot_array_set(&array, i, value, type);
	}
	for (unsigned page = 3; page < SLOTS / SLOTS_PER_PAGE; page += 1 + (unsigned)rand() % 9)
		slot_array_punch(&array, page * SLOTS_PER_PAGE, SLOTS_PER_PAGE);
}

static void scans_agree(void)
{
	struct scan mapped;
	struct findings mapped_findings;

	ck_assert_int_eq(scan_array(&array.memory, &array.view, &mapped, &mapped_findings), 0);
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	mapped.duration_ns = scan.duration_ns = 0;
	ck_assert_mem_eq(&scan, &mapped, sizeof(scan));
	ck_assert_uint_gt(scan.holes, 0);
	ck_assert_uint_gt(scan.reads.copies, 0);
	ck_assert_uint_gt(findings.total, 0);
	ck_assert_mem_eq(&findings, &mapped_findings, sizeof(findings));
}

static void pictures_agree(enum map_by by)
{
	struct map_grid grid = map_grid_fit(SLOTS, 64, 64);
	struct map_image image, mapped;
	struct error err;

	ck_assert_int_eq(map_image_build(&array.memory, &array.view, by, grid, &mapped, &err), 0);
	ck_assert_int_eq(map_image_build(&copied, &array.view, by, grid, &image, &err), 0);
	ck_assert_mem_eq(image.cells, mapped.cells, grid.columns * grid.rows);
	for (unsigned i = 0; i < image.class_count; i++)
		ck_assert_uint_eq(image.classes[i].frames, mapped.classes[i].frames);
	map_image_free(&image);
	map_image_free(&mapped);
}

struct found_list {
	uint64_t count;
	struct found_slot slots[SLOTS];
};

static void take(void *own, const struct found_slot *slot)
{
	struct found_list *list = own;

	list->slots[list->count++] = *slot;
}

static void searches_agree(const char *text)
{
	static struct expression expression;
	static struct found_list lists[2];
	struct find_result result;
	struct error err;

	memset(lists, 0, sizeof(lists));
	ck_assert_int_eq(expression_compile(text, &array.view, NULL, &expression, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct find_options options = {.expression = &expression,
						     .limit = UINT64_MAX,
						     .found = take,
						     .own = &lists[i]};

		ck_assert_int_eq(
			find_slots(i ? &copied : &array.memory, &array.view, &options, &result), 0);
	}
	ck_assert_uint_gt(lists[0].count, 0);
	ck_assert_uint_eq(lists[0].count, lists[1].count);
	for (uint64_t i = 0; i < lists[0].count; i++) {
		const struct found_slot *a = &lists[0].slots[i], *b = &lists[1].slots[i];

		ck_assert_uint_eq(a->frame.index, b->frame.index);
		ck_assert_uint_eq(a->state, b->state);
		ck_assert_int_eq(a->type, b->type);
		if (a->type != SLOT_TYPE_NONE)
			ck_assert_mem_eq(a->copy.storage, b->copy.storage, SLOT_STORAGE_SIZE);
	}
}

static void all_agree(void)
{
	uint64_t blocks = slot_array_blocks(&array);

	scans_agree();
	pictures_agree(MAP_BY_TYPE);
	pictures_agree(MAP_BY_STATE);
	pictures_agree(MAP_BY_REFS);
	searches_agree("type == anon");
	searches_agree("state == shared || state == host");
	for (uint64_t i = 0; i < SLOTS; i += 61) {
		struct frame_look a = {0}, b = {0};

		ck_assert_int_eq(frame_look(&array.memory, &array.view, i, &a), 0);
		ck_assert_int_eq(frame_look(&copied, &array.view, i, &b), 0);
		ck_assert_str_eq(frame_look_state(&a), frame_look_state(&b));
		ck_assert_int_eq(a.type, b.type);
		ck_assert_uint_eq(a.generation, b.generation);
	}
	ck_assert_uint_eq(slot_array_blocks(&array), blocks);
}

/* One page, some chunks of a visitor, more than the array. */
static const size_t chunks[] = {MEMORY_READER_CHUNK_MIN, 1 << 16, MEMORY_READER_CHUNK_MAX};

START_TEST(copied_is_as_mapped)
{
	guest_memory_destroy(&copied);
	make_memory(chunks[_i], true);
	fill();
	all_agree();
}
END_TEST

/* An array that begins within a page. */
START_TEST(array_within_a_page)
{
	struct guest_view view = array.view;

	fill();
	guest_memory_destroy(&copied);
	make_memory(chunks[_i], true);
	view.array.addr += 3 * SLOT_SIZE;
	view.slot_count -= 3;
	struct scan mapped;
	struct findings ignored;

	ck_assert_int_eq(scan_array(&array.memory, &view, &mapped, &ignored), 0);
	ck_assert_int_eq(scan_array(&copied, &view, &scan, &findings), 0);
	mapped.duration_ns = scan.duration_ns = 0;
	ck_assert_mem_eq(&scan, &mapped, sizeof(scan));
}
END_TEST

/* A source that cannot tell holes: they read as zeros, which is BUSY. */
START_TEST(holes_unknown)
{
	guest_memory_destroy(&copied);
	make_memory(1 << 16, false);
	fill();
	struct scan mapped;

	ck_assert_int_eq(scan_array(&array.memory, &array.view, &mapped, &findings), 0);
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(scan.holes, 0);
	ck_assert_uint_eq(scan.frames[REF_CLASS_BUSY],
			  mapped.frames[REF_CLASS_BUSY] + mapped.holes);
}
END_TEST

static void recycle(struct meta_slot *slot)
{
	slot->state = slot_state(slot_state_generation(slot->state) + 1, 1);
}

static void recycle_once(struct meta_slot *slot)
{
	recycle(slot);
	change = NULL;
}

START_TEST(changed_slot_is_read_again)
{
	for (unsigned i = 0; i < SLOTS; i++)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	victim = 5000;
	change = recycle_once;
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(scan.reads.retries, 1);
	ck_assert_uint_eq(scan.reads.unstable, 0);
	ck_assert_uint_eq(scan.types[ARRAY_ANON], SLOTS);
}
END_TEST

/* It is given up, alone and in its place. */
START_TEST(slot_that_always_changes)
{
	struct map_grid grid = map_grid_fit(SLOTS, 100, 100);
	struct map_image image;
	struct error err;

	ck_assert_uint_eq(grid.frames_per_cell, 1);
	for (unsigned i = 0; i < SLOTS; i++)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	victim = 4097;
	change = recycle;
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(scan.reads.slots, SLOTS);
	ck_assert_uint_eq(scan.reads.unstable, 1);
	ck_assert_uint_eq(scan.types[ARRAY_ANON], SLOTS - 1);
	ck_assert_uint_gt(scan.reads.retries, 1);
	ck_assert_int_eq(map_image_build(&copied, &array.view, MAP_BY_TYPE, grid, &image, &err), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_msg((image.cells[i] == image.cells[0]) == (i != victim), "cell %u", i);
	ck_assert_uint_eq(image.reads.unstable, 1);
	map_image_free(&image);
}
END_TEST

static void heal(struct meta_slot *slot)
{
	slot->state = slot_state(slot_state_generation(slot->state), 1);
	change = NULL;
}

/* A count that is illegal at one look only is no finding. */
START_TEST(illegal_for_a_moment)
{
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	uint64_t others = findings.total;

	slot_array_set(&array, 100, 0x80000001, ARRAY_ANON);
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(findings.total, others + 1);
	victim = 100;
	change = heal;
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(findings.total, others);
	ck_assert_uint_eq(scan.types[ARRAY_ANON], 1);
}
END_TEST

/* Only what is in use is copied three times. */
START_TEST(unused_is_read_once)
{
	guest_memory_destroy(&copied);
	make_memory(MEMORY_READER_CHUNK_MAX, true);
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(reads, 1);
	slot_array_set(&array, 4000, 1, ARRAY_ANON);
	reads = 0;
	ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), 0);
	ck_assert_uint_eq(reads, 3);
}
END_TEST

START_TEST(source_that_fails)
{
	fill();
	for (fail_at = 1; fail_at < 40; fail_at++) {
		reads = 0;
		ck_assert_int_eq(scan_array(&copied, &array.view, &scan, &findings), -ENOTCONN);
		ck_assert_uint_eq(reads, fail_at);
	}
	struct frame_look look;
	uint64_t word;

	slot_array_set(&array, 1, 1, ARRAY_ANON);
	fail_at = reads + 1;
	ck_assert_int_eq(frame_look(&copied, &array.view, 1, &look), -ENOTCONN);
	fail_at = reads + 1;
	ck_assert_int_eq(guest_memory_copy(&copied, array.view.array, &word, sizeof(word)),
			 -ENOTCONN);
}
END_TEST

/* It has no pointer, and no more of it than there is. */
START_TEST(copied_memory_is_not_mapped)
{
	const struct memory_map *map = guest_memory_map(&copied);
	uint64_t size = map->regions[0].size;
	paddr_t base = array.view.array, end = paddr(base.addr + size);
	uint64_t word;

	ck_assert_ptr_null(memory_map_at(map, base, 8));
	ck_assert(memory_map_has(map, base, size));
	ck_assert(!memory_map_has(map, base, size + 1));
	ck_assert(!memory_map_has(map, base, 0));
	ck_assert(!memory_map_has(map, end, 1));
	ck_assert_int_eq(guest_memory_copy(&copied, paddr(end.addr - 8), &word, 8), 0);
	ck_assert_int_eq(guest_memory_copy(&copied, paddr(end.addr - 7), &word, 8), -EFAULT);
	ck_assert_uint_eq(reads, 1);
}
END_TEST

Suite *slot_copy_walk_suite(void)
{
	Suite *suite = suite_create("slot_copy_walk");
	TCase *walk = tcase_create("walk");

	tcase_set_timeout(walk, 60);
	tcase_add_checked_fixture(walk, setup, teardown);
	tcase_add_loop_test(walk, copied_is_as_mapped, 0, sizeof(chunks) / sizeof(chunks[0]));
	tcase_add_loop_test(walk, array_within_a_page, 0, sizeof(chunks) / sizeof(chunks[0]));
	tcase_add_test(walk, holes_unknown);
	tcase_add_test(walk, changed_slot_is_read_again);
	tcase_add_test(walk, slot_that_always_changes);
	tcase_add_test(walk, illegal_for_a_moment);
	tcase_add_test(walk, unused_is_read_once);
	tcase_add_test(walk, source_that_fails);
	tcase_add_test(walk, copied_memory_is_not_mapped);
	suite_add_tcase(suite, walk);
	return suite;
}
