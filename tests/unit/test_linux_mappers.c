/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of who maps a Linux guest's page, of what processes map, and of what a file has where: kind/linux/page_mappers.h,
 * task_frames.h, mappings.h, file_pages.h, over
 * processes, page tables and page caches in crafted memory, some of which no kernel would make.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "base/json.h"
#include "base/memory_budget.h"
#include "kind/linux/file_pages.h"
#include "kind/linux/mappings.h"
#include "kind/linux/page_mappers.h"
#include "kind/linux/task_frames.h"
#include "unit/crafted_linux.h"

#define VA     (LINUX_MAP_BASE + 0x1000000)
#define PA     UINT64_C(0x100000)
#define PAGES  64
#define DIRECT UINT64_C(0xffff888000000000) /* where the top tables of processes are mapped */

#define TASK(i)   (VA + 0x100 * (uint64_t)(i))
#define SIGNAL(i) (VA + 0x4000 + 0x100 * (uint64_t)(i))
#define MEMORY(i) (VA + 0x8000 + 0x100 * (uint64_t)(i))
#define MAPPING   (VA + 0xc000)
#define NODE(i)   (VA + 0x10000 + 0x400 * (uint64_t)(i))
#define PAGE(i)   (VA + 0x20000 + 64 * (uint64_t)(i))

#define TASKS 4 /* number 0 is the kernel's own */
#define PFN   UINT64_C(0x2345)
#define HUGE  (UINT64_C(2) << 20)
#define GIANT (UINT64_C(1) << 30)
#define ALL   UINT64_MAX

#define WORD(at)                                                                                   \
	{                                                                                          \
		.offset = (at), .size = 8                                                          \
	}

static const struct owner_fields fields = {
	.task_list = {.offset = 8, .size = 16},
	.task_pid = {.offset = 0, .size = 4},
	.task_name = {.offset = 32, .size = 16},
	.task_memory = WORD(24),
	.task_signal = WORD(48),
	.task_threads = {.offset = 56, .size = 16},
	.signal_threads = {.offset = 16, .size = 16},
	.memory_tables = WORD(8),
	.mapping_pages = WORD(16),
	.node_shift = {.offset = 0, .size = 1},
	.node_slots = {.offset = 16, .size = 64 * 8},
};

static struct crafted_linux machine;
static struct linux_kernel kernel;
static struct kernel_space spaces[TASKS];
static struct page_mappers found;

static void put(uint64_t va, uint64_t value)
{
	memcpy(machine.ram + PA + (va - VA), &value, sizeof(value));
}

static void put_link(uint64_t from, uint64_t to)
{
	put(from, to);
	put(to + 8, from);
}

/* Tasks in a circle. Each but the kernel's own has page tables, in which nothing is mapped. */
static void setup_levels(unsigned levels)
{
	linux_make(&machine, levels);
	linux_map(&machine, &machine.space, VA, PA, PAGES, 0);
	for (unsigned i = 0; i < TASKS; i++) {
		char name[16] = "task\n";

		put(TASK(i), i);
		put_link(TASK(i) + 8, TASK((i + 1) % TASKS) + 8);
		memcpy(machine.ram + PA + (TASK(i) + 32 - VA), name, sizeof(name));
		put(TASK(i) + 48, SIGNAL(i));
		put_link(SIGNAL(i) + 16, TASK(i) + 56);
		put_link(TASK(i) + 56, SIGNAL(i) + 16);
		if (i == 0)
			continue;
		spaces[i] = linux_new_space(&machine, levels);
		linux_map(&machine, &machine.space, DIRECT + i * PAGE_SIZE, spaces[i].root.addr, 1,
			  0);
		/* The kernel's half. */
		*linux_entry(&machine, &spaces[i], VA, levels - 1) =
			*linux_entry(&machine, &machine.space, VA, levels - 1);
		put(MEMORY(i) + 8, DIRECT + i * PAGE_SIZE);
		put(TASK(i) + 24, MEMORY(i));
	}
	kernel.found.space = machine.space;
	kernel.symbols.init_task = TASK(0);
}

static void setup(void)
{
	setup_levels(4);
}

static void teardown(void)
{
	page_mappers_free(&found);
	linux_free(&machine);
}

static void find_within(uint64_t tables)
{
	struct error err;

	page_mappers_free(&found);
	ck_assert_int_eq(page_mappers_find(&kernel, &fields, PFN, tables, &found, &err), 0);
	ck_assert(found.is_known);
}

static void find(void)
{
	find_within(ALL);
}

static void map(unsigned task, uint64_t va, uint64_t pfn)
{
	linux_map(&machine, &spaces[task], va, pfn * PAGE_SIZE, 1, PTE_USER);
}

static void map_large(unsigned task, uint64_t va, uint64_t entry, unsigned level)
{
	*linux_entry(&machine, &spaces[task], va, level) = entry | PTE_LARGE;
}

static void assert_mapper(unsigned i, uint32_t pid, uint64_t va)
{
	ck_assert_uint_lt(i, found.count);
	ck_assert_uint_eq(found.list[i].pid, pid);
	ck_assert_uint_eq(found.list[i].va, va);
}

START_TEST(mappings_of_each_size_are_found)
{
	const uint64_t last = (UINT64_C(1) << 47) - PAGE_SIZE;

	find();
	ck_assert_uint_eq(found.found, 0);
	ck_assert_uint_eq(found.processes, 3);
	ck_assert(found.is_complete);
	map(1, 0x7000, PFN - 1);
	map(1, 0x8000, PFN);
	map(1, 0x9000, PFN + 1);
	map(1, last, PFN);
	map_large(2, HUGE, (PFN * PAGE_SIZE & ~(HUGE - 1)) | PTE_PRESENT, 1);
	map_large(2, 2 * HUGE, ((PFN * PAGE_SIZE & ~(HUGE - 1)) + HUGE) | PTE_PRESENT, 1);
	map_large(3, GIANT, PTE_PRESENT, 2);
	find();
	ck_assert_uint_eq(found.found, 4);
	ck_assert_uint_eq(found.count, 4);
	assert_mapper(0, 1, 0x8000);
	assert_mapper(1, 1, last);
	assert_mapper(2, 2, HUGE + PFN * PAGE_SIZE % HUGE);
	assert_mapper(3, 3, GIANT + PFN * PAGE_SIZE);
	ck_assert_str_eq(found.list[0].name, "task?");
	/* A bit that means a page, where there are none so large. */
	*linux_entry(&machine, &spaces[3], 0, 3) |= PTE_LARGE;
	find();
	ck_assert_uint_eq(found.found, 3);
}
END_TEST

START_TEST(five_levels_are_walked)
{
	setup_levels(5);
	map(2, (UINT64_C(1) << 56) - PAGE_SIZE, PFN);
	find();
	ck_assert_uint_eq(found.found, 1);
	assert_mapper(0, 2, (UINT64_C(1) << 56) - PAGE_SIZE);
	teardown();
}
END_TEST

START_TEST(what_may_not_be_accessed_is_mapped)
{
	const uint64_t inverted = ~(PFN * PAGE_SIZE) & PTE_ADDRESS_MASK;

	*linux_entry(&machine, &spaces[1], 0x5000, 0) = inverted | PTE_GLOBAL;
	/* Swapped out; and that entry, were it not inverted. */
	*linux_entry(&machine, &spaces[1], 0x6000, 0) = inverted;
	*linux_entry(&machine, &spaces[1], 0x7000, 0) = PFN * PAGE_SIZE | PTE_GLOBAL;
	map_large(2, HUGE, (~(PFN * PAGE_SIZE & ~(HUGE - 1)) & PTE_ADDRESS_MASK) | PTE_GLOBAL, 1);
	find();
	ck_assert_uint_eq(found.found, 2);
	assert_mapper(0, 1, 0x5000);
	assert_mapper(1, 2, HUGE + PFN * PAGE_SIZE % HUGE);
}
END_TEST

START_TEST(memory_of_each_thread_counts_once)
{
	map(1, 0x8000, PFN);
	map(3, 0x9000, PFN);
	/* The first thread of 1 has ended; another one has not. */
	put(TASK(1) + 24, 0);
	/* What would be memory if the head of the list were in a thread. */
	put(SIGNAL(1) + 16 - 56 + 24, MEMORY(1));
	find();
	ck_assert_uint_eq(found.found, 1);
	assert_mapper(0, 3, 0x9000);
	put_link(TASK(1) + 56, TASK(8) + 56);
	put_link(TASK(8) + 56, SIGNAL(1) + 16);
	put(TASK(8) + 24, MEMORY(1));
	find();
	ck_assert_uint_eq(found.found, 2);
	assert_mapper(0, 1, 0x8000);
	/* Threads in a circle beside the head of their list. */
	put(TASK(8) + 24, 0);
	put(TASK(1) + 56, TASK(8) + 56);
	put_link(TASK(8) + 56, TASK(8) + 56);
	find();
	ck_assert_uint_eq(found.found, 1);
	/* A process whose memory is another's. */
	put(TASK(1) + 24, MEMORY(3));
	find();
	ck_assert_uint_eq(found.found, 1);
	assert_mapper(0, 1, 0x9000);
}
END_TEST

START_TEST(walks_of_tables_end)
{
	uint64_t root = spaces[1].root.addr, *entries = (uint64_t *)(machine.ram + root);

	/* Each entry of the top table leads to it. */
	map(2, 0x9000, PFN);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		entries[i] = root | PTE_PRESENT;
	find_within(10000);
	ck_assert(!found.is_complete);
	ck_assert(found.is_bounded);
	ck_assert_uint_eq(found.processes, 0);
	/* Each entry of a table maps the page. */
	memset(entries, 0, PAGE_SIZE);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		map(1, i * PAGE_SIZE, PFN);
	entries[1] = entries[0];
	find();
	ck_assert_uint_eq(found.found, 2 * PT_ENTRIES + 1);
	find_within(600);
	ck_assert(found.is_bounded);
	ck_assert_uint_lt(found.found, 600);
	for (unsigned i = 2; i < PT_ENTRIES / 2; i++)
		entries[i] = entries[0];
	find();
	ck_assert_uint_eq(found.found, PT_ENTRIES / 2 * PT_ENTRIES + 1);
	ck_assert_uint_eq(found.count, MAPPERS_MAX);
}
END_TEST

START_TEST(tables_that_are_none_are_passed_over)
{
	const uint64_t wild[] = {0, 8, DIRECT + 2 * PAGE_SIZE + 8, VA + PAGES * PAGE_SIZE,
				 UINT64_MAX - 7};

	map(1, 0x8000, PFN);
	map(2, 0x9000, PFN);
	*linux_entry(&machine, &spaces[1], 0x8000, 1) = LINUX_RAM | PTE_PRESENT;
	find();
	ck_assert_uint_eq(found.found, 1);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		put(MEMORY(2) + 8, wild[i]);
		find();
		ck_assert_uint_eq(found.found, 0);
		ck_assert(found.is_complete);
	}
}
END_TEST

START_TEST(a_mapping_is_confirmed)
{
	map(1, 0x8000, PFN);
	map_large(1, HUGE, (PFN * PAGE_SIZE & ~(HUGE - 1)) | PTE_PRESENT, 1);
	ck_assert(mapping_confirm(&spaces[1], 0x8000, PFN));
	ck_assert(!mapping_confirm(&spaces[1], 0x8000, PFN + 1));
	ck_assert(!mapping_confirm(&spaces[1], 0x9000, PFN));
	ck_assert(!mapping_confirm(&spaces[2], 0x8000, PFN));
	ck_assert(mapping_confirm(&spaces[1], HUGE + PFN * PAGE_SIZE % HUGE, PFN));
	ck_assert(!mapping_confirm(&spaces[1], HUGE, PFN));
}
END_TEST

START_TEST(mappers_are_reported)
{
	struct owner_fields none = fields;
	struct error err;
	char *text;
	size_t size;
	FILE *out;
	json *object, *list;

	for (unsigned i = 0; i < 10; i++)
		map(1, 0x8000 + i * PAGE_SIZE, PFN);
	find();
	out = open_memstream(&text, &size);
	page_mappers_print(&found, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "by        task?, process 1, at 0x8000\n"));
	ck_assert_ptr_nonnull(strstr(text, "          task?, process 1, at 0xf000\n"
					   "          and 2 more\n"));
	free(text);
	object = page_mappers_json(&found);
	list = json_member(object, "list", json_type_array);
	ck_assert_uint_eq(json_object_array_length(list), 10);
	json_object_put(object);
	/* A list of processes that does not lead back. */
	put(TASK(2) + 8, TASK(2) + 8);
	find();
	ck_assert(!found.is_complete && !found.is_bounded);
	page_mappers_free(&found);
	none.memory_tables.size = 0;
	ck_assert_int_eq(page_mappers_find(&kernel, &none, PFN, ALL, &found, &err), -ENODATA);
	ck_assert(!found.is_known);
}
END_TEST

#define FRAMES (2 * GIANT / PAGE_SIZE)

static struct frame_set mapped;

/* The frames of processes, by a pattern or, without one, by a number. */
static int frames_within(const char *pattern, uint64_t number, uint64_t tables, struct error *err)
{
	const struct property_owner owner = {.pattern = pattern, .number = number};

	frame_set_end(&mapped);
	ck_assert_int_eq(frame_set_begin(&mapped, FRAMES, NULL, err), 0);
	return task_frames_add(&kernel, &fields, &owner, tables, &mapped, err);
}

static uint64_t count_frames(const char *pattern, uint64_t number)
{
	struct error err;
	uint64_t count = 0;

	ck_assert_int_eq(frames_within(pattern, number, ALL, &err), 0);
	for (uint64_t i = 0; i < FRAMES; i++)
		count += frame_set_has(&mapped, pfn(i));
	ck_assert(!frame_set_has(&mapped, pfn(FRAMES)));
	frame_set_end(&mapped);
	return count;
}

START_TEST(what_a_process_maps_is_found)
{
	ck_assert_uint_eq(count_frames(NULL, 1), 0);
	map(1, 0x7000, PFN);
	map(1, 0x8000, PFN + 65);
	map(1, 0x9000, PFN); /* twice */
	map(1, 3 * HUGE, PFN + 1);
	*linux_entry(&machine, &spaces[1], 0xa000, 0) =
		(~((PFN + 7) * PAGE_SIZE) & PTE_ADDRESS_MASK) | PTE_GLOBAL;
	ck_assert_uint_eq(count_frames(NULL, 1), 4);
	ck_assert_uint_eq(count_frames(NULL, 2), 0);
	map_large(2, HUGE, 8 * HUGE | PTE_PRESENT, 1);
	map(2, 2 * HUGE, 8 * HUGE / PAGE_SIZE + 3); /* also alone */
	ck_assert_uint_eq(count_frames(NULL, 2), PT_ENTRIES);
	map_large(3, GIANT, PTE_PRESENT | PTE_LARGE, 2);
	ck_assert_uint_eq(count_frames(NULL, 3), GIANT / PAGE_SIZE);
	/* Behind the last frame there is no memory. */
	map_large(3, GIANT, (2 * GIANT) | PTE_PRESENT | PTE_LARGE, 2);
	map(3, 0x9000, FRAMES - 1);
	map(3, 0xa000, FRAMES);
	ck_assert_uint_eq(count_frames(NULL, 3), 1);
	ck_assert_uint_eq(count_frames(NULL, 0), 0); /* the kernel's own */
	ck_assert_uint_eq(count_frames(NULL, UINT64_C(1) << 32 | 1), 0);
}
END_TEST

START_TEST(processes_are_named_by_a_pattern)
{
	map(1, 0x7000, PFN);
	map(2, 0x7000, PFN + 1);
	memcpy(machine.ram + PA + (TASK(2) + 32 - VA), "other", sizeof("other"));
	ck_assert_uint_eq(count_frames("other", 1), 1);
	ck_assert_uint_eq(count_frames("task?", 0), 1); /* as it is printed */
	ck_assert_uint_eq(count_frames("*", 0), 2);
	ck_assert_uint_eq(count_frames("tas", 0), 0);
}
END_TEST

START_TEST(what_many_tables_map_is_refused)
{
	uint64_t *root = (uint64_t *)(machine.ram + spaces[1].root.addr);
	struct error err;

	/* Each entry of the top table leads to it. */
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		root[i] = spaces[1].root.addr | PTE_PRESENT;
	ck_assert_int_eq(frames_within("*", 0, 10000, &err), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.text, "more than 10000 page tables"));
	/* Marking many frames takes time, too. */
	memset(root, 0, PAGE_SIZE / 2);
	for (unsigned i = 1; i < PT_ENTRIES; i++)
		map_large(1, i * GIANT, PTE_PRESENT | PTE_LARGE, 2);
	ck_assert_int_eq(frames_within(NULL, 1, 8 * PT_ENTRIES, &err), -E2BIG);
	ck_assert_int_eq(frames_within(NULL, 1, 16 * PT_ENTRIES, &err), 0);
	frame_set_end(&mapped);
}
END_TEST

START_TEST(what_is_not_in_this_memory_is_refused)
{
	struct owner_fields none = fields;
	const struct property_owner owner = {.number = 1};
	struct error err;

	/* A capture without page tables of processes has zeroes there. */
	map(1, 0x7000, PFN);
	map(2, 0x7000, PFN);
	memset(machine.ram + spaces[1].root.addr, 0, PAGE_SIZE);
	ck_assert_int_eq(frames_within(NULL, 1, ALL, &err), -ENODATA);
	ck_assert_str_eq(err.text, "the page tables of processes are not in this memory");
	put(MEMORY(3) + 8, 0);
	ck_assert_int_eq(frames_within(NULL, 3, ALL, &err), -ENODATA);
	/* One of several has just ended. */
	ck_assert_uint_eq(count_frames("*", 0), 1);
	put(TASK(2) + 8, TASK(2) + 8);
	ck_assert_int_eq(frames_within(NULL, 2, ALL, &err), -EAGAIN);
	none.memory_tables.size = 0;
	ck_assert_int_eq(task_frames_add(&kernel, &none, &owner, ALL, &mapped, &err), -ENODATA);
	frame_set_end(&mapped);
}
END_TEST

START_TEST(a_set_of_frames_has_a_budget)
{
	struct memory_budget budget = {.limit = 1000};
	struct frame_set set;
	struct error err;

	ck_assert_int_eq(frame_set_begin(&set, 64000, &budget, &err), -E2BIG);
	frame_set_end(&set);
	ck_assert_int_eq(frame_set_begin(&set, 200, &budget, &err), 0);
	frame_set_add(&set, 60, 70);
	for (uint64_t i = 0; i < 200; i++)
		ck_assert_int_eq(frame_set_has(&set, pfn(i)), i >= 60 && i < 130);
	frame_set_add(&set, 199, UINT64_MAX);
	frame_set_add(&set, 200, 1);
	ck_assert(frame_set_has(&set, pfn(199)) && !frame_set_has(&set, pfn(200)));
	frame_set_end(&set);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

static void put_node(unsigned i, uint8_t shift)
{
	put(NODE(i), shift);
}

static void put_slot(unsigned i, unsigned slot, uint64_t entry)
{
	put(NODE(i) + 16 + 8 * (uint64_t)slot, entry);
}

static uint64_t page_at(uint64_t index)
{
	uint64_t page;

	return file_page_at(&machine.space, &fields, MAPPING, index, &page) ? page : 0;
}

START_TEST(files_have_pages)
{
	ck_assert_uint_eq(page_at(0), 0);
	put(MAPPING + 16, PAGE(0));
	ck_assert_uint_eq(page_at(0), PAGE(0));
	ck_assert_uint_eq(page_at(1), 0);
	put(MAPPING + 16, NODE(0) | 2);
	put_node(0, 0);
	put_slot(0, 5, PAGE(5));
	ck_assert_uint_eq(page_at(5), PAGE(5));
	ck_assert_uint_eq(page_at(5 + 64), 0);
	ck_assert_uint_eq(page_at(6), 0);
	/* A second level; a number, which is of what was swapped out; an entry for four indices. */
	put(MAPPING + 16, NODE(1) | 2);
	put_node(1, 6);
	put_slot(1, 2, NODE(0) | 2);
	put_slot(0, 6, 7);
	put_slot(0, 8, PAGE(8));
	for (unsigned i = 9; i < 12; i++)
		put_slot(0, i, 8 << 2 | 2);
	put_slot(1, 3, PAGE(3));
	ck_assert_uint_eq(page_at(2 * 64 + 5), PAGE(5));
	ck_assert_uint_eq(page_at(5), 0);
	ck_assert_uint_eq(page_at(2 * 64 + 6), 0);
	ck_assert_uint_eq(page_at(2 * 64 + 11), PAGE(8));
	ck_assert_uint_eq(page_at(3 * 64 + 63), PAGE(3));
	ck_assert_uint_eq(page_at(64 * 64 + 2 * 64 + 5), 0);
	ck_assert_uint_eq(page_at(UINT64_MAX), 0);
}
END_TEST

START_TEST(caches_of_files_end)
{
	const uint64_t wild[] = {VA + PAGES * PAGE_SIZE, 0x2000, UINT64_MAX - 7, PAGE(1) + 4};

	/* Nodes in a circle; below one of its own level; one that is beyond what an index has. */
	put(MAPPING + 16, NODE(0) | 2);
	put_node(0, 6);
	put_slot(0, 0, NODE(0) | 2);
	ck_assert_uint_eq(page_at(0), 0);
	put_slot(0, 0, NODE(1) | 2);
	put_node(1, 6);
	put_slot(1, 0, PAGE(0));
	ck_assert_uint_eq(page_at(0), 0);
	put_node(1, 0);
	ck_assert_uint_eq(page_at(0), PAGE(0));
	put_node(0, 255);
	ck_assert_uint_eq(page_at(0), 0);
	put_node(0, 63);
	ck_assert_uint_eq(page_at(0), PAGE(0));
	/* An entry that leads to itself. */
	put_slot(1, 0, 0 << 2 | 2);
	ck_assert_uint_eq(page_at(0), 0);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		put_slot(1, 0, wild[i] | 2);
		ck_assert_uint_eq(page_at(0), 0);
		put_slot(0, 0, wild[i] | 2);
		ck_assert_uint_eq(page_at(0), 0);
		put_slot(0, 0, NODE(1) | 2);
	}
}
END_TEST

Suite *linux_mappers_suite(void)
{
	Suite *suite = suite_create("linux_mappers");
	TCase *tcase = tcase_create("mappers");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, mappings_of_each_size_are_found);
	tcase_add_test(tcase, what_may_not_be_accessed_is_mapped);
	tcase_add_test(tcase, memory_of_each_thread_counts_once);
	tcase_add_test(tcase, walks_of_tables_end);
	tcase_add_test(tcase, tables_that_are_none_are_passed_over);
	tcase_add_test(tcase, a_mapping_is_confirmed);
	tcase_add_test(tcase, mappers_are_reported);
	tcase_add_test(tcase, what_a_process_maps_is_found);
	tcase_add_test(tcase, processes_are_named_by_a_pattern);
	tcase_add_test(tcase, what_many_tables_map_is_refused);
	tcase_add_test(tcase, what_is_not_in_this_memory_is_refused);
	tcase_add_test(tcase, a_set_of_frames_has_a_budget);
	tcase_add_test(tcase, files_have_pages);
	tcase_add_test(tcase, caches_of_files_end);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("five levels");
	tcase_add_test(tcase, five_levels_are_walked);
	suite_add_tcase(suite, tcase);
	return suite;
}
