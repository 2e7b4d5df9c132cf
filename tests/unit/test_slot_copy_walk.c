/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/slot_copy_walk.h: every reader gets the same from an array that is mapped and from the
 * same array copied; slots that change between two copies; sources that fail.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect/find/find.h"
#include "inspect/map_image.h"
#include "kind/record_walk.h"
#include "kind/frame_look.h"
#include "kind/frame_walk.h"
#include "kind/kind.h"
#include "unit/crafted_guest.h"
#include "unit/slot_array.h"

#define SLOTS          10000
#define SLOTS_PER_PAGE (PAGE_SIZE / SLOT_SIZE)

static struct slot_array array;
static struct guest_memory copied;
static struct frame_tally tally;
static struct findings findings;

/* Counts the requests to the reader; after each read that contains slot `victim` it calls `change`. */
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
	const struct memory_reader reader = {.read = read_array,
					     .find_data = knows_holes ? find_data : NULL,
					     .own = &array,
					     .chunk = chunk};
	struct error err;

	ck_assert_int_eq(guest_memory_init(&copied, &err), 0);
	ck_assert_int_eq(guest_memory_add_copied(&copied, array.view.array,
						 align_up(SLOTS * SLOT_SIZE, PAGE_SIZE), &reader,
						 &err),
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

/* Every state and type, in runs of random length, and pages that were never written. */
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

static struct guest *mapped_guest(void)
{
	return crafted_guest(&array.memory, &array.view);
}

static struct guest *copied_guest(void)
{
	return crafted_guest(&copied, &array.view);
}

static void tallies_agree(void)
{
	struct frame_tally mapped;
	struct findings mapped_findings;

	ck_assert_int_eq(guest_tally(mapped_guest(), &mapped, &mapped_findings), 0);
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	mapped.duration_ns = tally.duration_ns = 0;
	ck_assert_mem_eq(&tally, &mapped, sizeof(tally));
	ck_assert_uint_gt(tally.holes, 0);
	ck_assert_uint_gt(tally.reads.copies, 0);
	ck_assert_uint_gt(findings.total, 0);
	ck_assert_mem_eq(&findings, &mapped_findings, sizeof(findings));
}

static void pictures_agree(enum map_by by)
{
	struct map_grid grid = map_grid_fit(SLOTS, 64, 64);
	struct map_image image, mapped;
	struct error err;

	ck_assert_int_eq(map_image_build(mapped_guest(), by, grid, &mapped, &err), 0);
	ck_assert_int_eq(map_image_build(copied_guest(), by, grid, &image, &err), 0);
	ck_assert_mem_eq(image.cells, mapped.cells, grid.columns * grid.rows);
	for (unsigned i = 0; i < image.class_count; i++)
		ck_assert_uint_eq(image.classes[i].frames, mapped.classes[i].frames);
	map_image_free(&image);
	map_image_free(&mapped);
}

struct found_list {
	uint64_t count;
	struct found_frame frames[SLOTS];
	struct meta_slot records[SLOTS]; /* of the slots in use */
};

static void take(void *own, const struct found_frame *frame)
{
	struct found_list *list = own;

	list->frames[list->count] = *frame;
	if (frame->frame.type != FRAME_TYPE_NONE)
		memcpy(&list->records[list->count], frame->record, SLOT_SIZE);
	list->count++;
}

static void assert_same_frame(const struct frame *a, const struct frame *b)
{
	ck_assert_uint_eq(a->state, b->state);
	ck_assert_uint_eq(a->references, b->references);
	ck_assert_uint_eq(a->generation, b->generation);
	ck_assert_int_eq(a->type, b->type);
}

static void searches_agree(const char *text)
{
	static struct expression expression;
	static struct found_list lists[2];
	struct find_result result;
	struct error err;

	memset(lists, 0, sizeof(lists));
	ck_assert_int_eq(expression_compile(text, mapped_guest(), NULL, &expression, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct find_options options = {.expression = &expression,
						     .limit = UINT64_MAX,
						     .found = take,
						     .own = &lists[i]};

		ck_assert_int_eq(
			find_frames(i ? copied_guest() : mapped_guest(), &options, &result), 0);
	}
	ck_assert_uint_gt(lists[0].count, 0);
	ck_assert_uint_eq(lists[0].count, lists[1].count);
	for (uint64_t i = 0; i < lists[0].count; i++) {
		const struct found_frame *a = &lists[0].frames[i], *b = &lists[1].frames[i];

		ck_assert_uint_eq(a->pfn.index, b->pfn.index);
		assert_same_frame(&a->frame, &b->frame);
		ck_assert_mem_eq(&lists[0].records[i], &lists[1].records[i], SLOT_SIZE);
	}
}

static void all_agree(void)
{
	uint64_t blocks = slot_array_blocks(&array);

	tallies_agree();
	pictures_agree(MAP_BY_TYPE);
	pictures_agree(MAP_BY_STATE);
	pictures_agree(MAP_BY_REFS);
	searches_agree("type == anon");
	searches_agree("state == shared || state == host");
	for (uint64_t i = 0; i < SLOTS; i += 61) {
		struct frame_look a, b;

		ck_assert_int_eq(guest_look(mapped_guest(), i, &a), 0);
		ck_assert_int_eq(guest_look(copied_guest(), i, &b), 0);
		assert_same_frame(&a.frame, &b.frame);
		ck_assert_mem_eq(a.record, b.record, sizeof(a.record));
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

/* An array that starts within a page. */
START_TEST(array_within_a_page)
{
	struct guest_view view = array.view;

	fill();
	guest_memory_destroy(&copied);
	make_memory(chunks[_i], true);
	view.array.addr += 3 * SLOT_SIZE;
	view.slot_count -= 3;
	struct frame_tally mapped;
	struct findings ignored;

	ck_assert_int_eq(guest_tally(crafted_guest(&array.memory, &view), &mapped, &ignored), 0);
	ck_assert_int_eq(guest_tally(crafted_guest(&copied, &view), &tally, &findings), 0);
	mapped.duration_ns = tally.duration_ns = 0;
	ck_assert_mem_eq(&tally, &mapped, sizeof(tally));
}
END_TEST

/* A source that cannot report holes: they read as zeros, which means BUSY. */
START_TEST(holes_unknown)
{
	guest_memory_destroy(&copied);
	make_memory(1 << 16, false);
	fill();
	struct frame_tally mapped;

	ck_assert_int_eq(guest_tally(mapped_guest(), &mapped, &findings), 0);
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(tally.holes, 0);
	ck_assert_uint_eq(tally.states[REF_CLASS_BUSY],
			  mapped.states[REF_CLASS_BUSY] + mapped.holes);
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
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(tally.reads.retries, 1);
	ck_assert_uint_eq(tally.reads.unstable, 0);
	ck_assert_uint_eq(tally.types[ARRAY_ANON], SLOTS);
}
END_TEST

/* Only the slot that always changes is given up; it keeps its place in the order. */
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
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(tally.reads.slots, SLOTS);
	ck_assert_uint_eq(tally.reads.unstable, 1);
	ck_assert_uint_eq(tally.types[ARRAY_ANON], SLOTS - 1);
	ck_assert_uint_gt(tally.reads.retries, 1);
	ck_assert_int_eq(map_image_build(copied_guest(), MAP_BY_TYPE, grid, &image, &err), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_msg((image.cells[i] == image.cells[0]) == (i != victim), "cell %u", i);
	ck_assert_uint_eq(image.reads.unstable, 1);
	map_image_free(&image);
}
END_TEST

static void pass_on(struct meta_slot *slot)
{
	slot->state += slot_state(1, 0);
}

/* A sample of it has a count and a generation that it once had; a unique owner is not a count. */
START_TEST(look_at_a_slot_that_always_changes)
{
	static const struct {
		uint32_t refs, references;
	} slots[] = {{3, 3}, {REF_UNIQUE, 0}};
	struct frame_look look;

	for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		slot_array_set(&array, 42, slots[i].refs, ARRAY_ANON);
		uint32_t start = slot_state_generation(array.slots[42].state);

		victim = 42;
		change = pass_on;
		ck_assert_int_eq(guest_look(copied_guest(), 42, &look), 0);
		ck_assert_uint_eq(look.frame.state, FRAME_UNSTABLE);
		ck_assert_int_eq(look.frame.type, FRAME_TYPE_NONE);
		ck_assert_uint_eq(look.frame.references, slots[i].references);
		ck_assert_uint_gt(look.frame.generation, start);
	}
}
END_TEST

static void heal(struct meta_slot *slot)
{
	slot->state = slot_state(slot_state_generation(slot->state), 1);
	change = NULL;
}

/* What a walk in batches handed out: the state of each frame. */
struct covered {
	const struct guest *guest;
	uint64_t next; /* frame */
	uint64_t batches, uniform;
	uint8_t states[SLOTS];
	int16_t types[SLOTS];
};

static int cover(void *own, const struct frame_batch *batch)
{
	struct covered *covered = own;

	/* Batches come in order, without gaps or duplicates. */
	ck_assert_uint_eq(batch->first.index, covered->next);
	ck_assert_uint_gt(batch->count, 0);
	ck_assert_uint_le(covered->next + batch->count, SLOTS);
	if (batch->frames)
		ck_assert_uint_le(batch->count, RECORD_CHUNK);
	else
		ck_assert(batch->state == FRAME_NEVER_WRITTEN || batch->state == FRAME_UNSTABLE);
	for (uint64_t i = 0; i < batch->count; i++) {
		const struct frame *frame = batch->frames ? &batch->frames[i] : NULL;

		covered->states[covered->next] = frame ? frame->state : batch->state;
		covered->types[covered->next++] = frame ? frame->type : FRAME_TYPE_NONE;
	}
	covered->batches++;
	covered->uniform += !batch->frames;
	return 0;
}

/* Every frame once, and counts by walking equal counts by adding up. */
static void batches_agree(const struct guest *guest, enum frame_detail detail, uint64_t unstable)
{
	static struct covered covered;
	struct read_counters counters = {0};
	struct frame_tally walked = {0}, added;

	covered = (struct covered){.guest = guest};
	ck_assert_int_eq(frame_walk(guest, detail, cover, &covered, &counters), 0);
	ck_assert_uint_eq(covered.next, SLOTS);
	ck_assert_uint_gt(covered.batches, 1);
	for (uint64_t i = 0; i < SLOTS; i++) {
		if (covered.states[i] == FRAME_NEVER_WRITTEN)
			walked.holes++;
		else if (covered.states[i] == FRAME_UNSTABLE)
			walked.reads.unstable++;
		else
			walked.states[covered.states[i]]++;
		if (covered.types[i] >= 0)
			walked.types[covered.types[i]]++;
	}
	ck_assert_int_eq(guest_tally(guest, &added, &findings), 0);
	ck_assert_mem_eq(walked.states, added.states, sizeof(added.states));
	ck_assert_uint_eq(walked.holes, added.holes);
	ck_assert_uint_gt(walked.holes, 0);
	ck_assert_uint_eq(walked.reads.unstable, unstable);
	ck_assert_uint_eq(counters.unstable, unstable);
	ck_assert_uint_eq(counters.slots, SLOTS - walked.holes);
	ck_assert_uint_eq(added.reads.unstable, unstable);
	if (detail == DETAIL_STATE)
		ck_assert_uint_eq(counters.copies, 0);
	else
		ck_assert_mem_eq(walked.types, added.types, sizeof(added.types));
}

START_TEST(batches_cover_every_frame_once)
{
	fill();
	/* A whole chunk that was never written, and the border of one inside a hole. */
	slot_array_punch(&array, RECORD_CHUNK - SLOTS_PER_PAGE, RECORD_CHUNK + 2 * SLOTS_PER_PAGE);
	for (int detail = DETAIL_STATE; detail <= DETAIL_RECORD; detail++) {
		batches_agree(mapped_guest(), detail, 0);
		batches_agree(copied_guest(), detail, 0);
	}
	/* The only slot with its batch's state, beside holes and other slots. */
	slot_array_set(&array, SLOTS - 5, 1, ARRAY_ANON);
	victim = SLOTS - 5;
	change = recycle;
	for (int detail = DETAIL_TYPE; detail <= DETAIL_RECORD; detail++)
		batches_agree(copied_guest(), detail, 1);
}
END_TEST

static int stop_at_second(void *own, const struct frame_batch *batch)
{
	unsigned *batches = own;

	(void)batch;
	return ++*batches == 2 ? 7 : 0;
}

START_TEST(a_visitor_ends_the_walk)
{
	struct guest *const guests[] = {mapped_guest(), copied_guest()};

	for (unsigned i = 0; i < 2; i++) {
		struct read_counters counters = {0};
		unsigned batches = 0;

		ck_assert_int_eq(
			frame_walk(guests[i], DETAIL_TYPE, stop_at_second, &batches, &counters), 7);
		ck_assert_uint_eq(batches, 2);
	}
}
END_TEST

/* The walk would copy the two halves of such a record at different moments. */
START_TEST(records_that_straddle_pages_are_refused)
{
	struct guest *const guests[] = {mapped_guest(), copied_guest()};

	for (unsigned i = 0; i < 2; i++) {
		struct read_counters counters = {0};
		struct kind odd = *guests[i]->kind;
		unsigned batches = 1;

		odd.record_size = 24;
		guests[i]->kind = &odd;
		ck_assert_int_eq(
			frame_walk(guests[i], DETAIL_TYPE, stop_at_second, &batches, &counters),
			-EINVAL);
		ck_assert_uint_eq(batches, 1);
	}
}
END_TEST

/* A count that is illegal in only one of the looks is not reported. */
START_TEST(illegal_for_a_moment)
{
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	uint64_t others = findings.total;

	slot_array_set(&array, 100, 0x80000001, ARRAY_ANON);
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(findings.total, others + 1);
	victim = 100;
	change = heal;
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(findings.total, others);
	ck_assert_uint_eq(tally.types[ARRAY_ANON], 1);
}
END_TEST

/* Only slots in use are copied three times. */
START_TEST(unused_is_read_once)
{
	guest_memory_destroy(&copied);
	make_memory(MEMORY_READER_CHUNK_MAX, true);
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(reads, 1);
	slot_array_set(&array, 4000, 1, ARRAY_ANON);
	reads = 0;
	ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), 0);
	ck_assert_uint_eq(reads, 3);
}
END_TEST

START_TEST(source_that_fails)
{
	fill();
	for (fail_at = 1; fail_at < 40; fail_at++) {
		reads = 0;
		ck_assert_int_eq(guest_tally(copied_guest(), &tally, &findings), -ENOTCONN);
		ck_assert_uint_eq(reads, fail_at);
	}
	struct frame_look look;
	uint64_t word;

	slot_array_set(&array, 1, 1, ARRAY_ANON);
	fail_at = reads + 1;
	ck_assert_int_eq(guest_look(copied_guest(), 1, &look), -ENOTCONN);
	fail_at = reads + 1;
	ck_assert_int_eq(guest_memory_copy(&copied, array.view.array, &word, sizeof(word)),
			 -ENOTCONN);
}
END_TEST

/* Copied memory has no pointers, and ends where it ends. */
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
	tcase_add_test(walk, look_at_a_slot_that_always_changes);
	tcase_add_test(walk, batches_cover_every_frame_once);
	tcase_add_test(walk, a_visitor_ends_the_walk);
	tcase_add_test(walk, records_that_straddle_pages_are_refused);
	tcase_add_test(walk, illegal_for_a_moment);
	tcase_add_test(walk, unused_is_read_once);
	tcase_add_test(walk, source_that_fails);
	tcase_add_test(walk, copied_memory_is_not_mapped);
	suite_add_tcase(suite, walk);
	return suite;
}
