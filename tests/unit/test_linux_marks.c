/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of what tells a Linux guest's pages apart beyond their records: kind/linux/page_marks.h, cpu_lists.h,
 * kernel_stacks.h, mark_pages.h and what page_class.h makes of it, over page tables, lists and threads in crafted memory, some of
 * which no kernel would make.
 */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "base/memory_budget.h"
#include "kind/linux/cpu_lists.h"
#include "kind/linux/kernel_stacks.h"
#include "kind/linux/mark_pages.h"
#include "unit/crafted_linux.h"
#include "unit/linux_kernels.h"
#include "unit/linux_records.h"

#define VA         (LINUX_MAP_BASE + 0x1000000)
#define PA         UINT64_C(0x100000)
#define PAGES      16
#define RECORDS_PA UINT64_C(0x200000)

/* Objects in that memory. */
#define NODE       VA
#define ZONE       (VA + 0x40)
#define OFFSETS    (VA + 0x400)
#define VARIABLES  (VA + 0x500) /* vmalloc_base, page_offset_base */
#define LISTS(cpu) (VA + 0x1000 + 0x200 * (uint64_t)(cpu))
#define TASK(i)    (VA + 0x4000 + 0x100 * (uint64_t)(i))
#define SIGNAL(i)  (VA + 0x8000 + 0x100 * (uint64_t)(i))
#define QUEUE(cpu) (VA + 0xc000 + 0x200 * (uint64_t)(cpu))

#define CPUS            2
#define CPU_LISTS       14 /* three of each order from 0 to 3, and two of huge pages */
#define HEAD(cpu, list) (LISTS(cpu) + 16 + 16 * (uint64_t)(list))
#define TASKS           4 /* number 0 is the kernel's own */

#define DIRECT  UINT64_C(0xffff888000000000)
#define MODULES UINT64_C(0xffffffffc0000000)
#define STACK   16384

#define FRAME(i) (RECORDS_FIRST + (uint64_t)(i))
#define MAPPING  UINT64_C(0xffff888012345678)

#define WORD(at)                                                                                   \
	{                                                                                          \
		.offset = (at), .size = 8                                                          \
	}

static struct crafted_linux machine;
static struct linux_records records;
static struct linux_kernel kernel;
static struct mark_plan plan;
static struct page_marks marks;
static struct memory_budget budget;
static struct error err;
static uint64_t vmalloc; /* where its range begins */

static uint8_t *at(uint64_t va)
{
	const uint64_t first = RECORDS_VMEMMAP + RECORDS_FIRST * LAYOUT_PAGE_SIZE;

	if (va >= first && va - first < sizeof(records.bytes))
		return machine.ram + RECORDS_PA + (va - first);
	ck_assert_uint_ge(va, VA);
	ck_assert_uint_lt(va, VA + PAGES * PAGE_SIZE);
	return machine.ram + PA + (va - VA);
}

static void put(uint64_t va, uint64_t value)
{
	memcpy(at(va), &value, sizeof(value));
}

static void put_half(uint64_t va, uint32_t value)
{
	memcpy(at(va), &value, sizeof(value));
}

static void put_link(uint64_t from, uint64_t to)
{
	put(from, to);
	put(to + 8, from);
}

/* Where the record of a page has its neighbours on a list. */
static uint64_t node(uint64_t i)
{
	return RECORDS_VMEMMAP + FRAME(i) * LAYOUT_PAGE_SIZE + records.layout.lru_next.offset;
}

/* Pages on a list, in this order. */
static void put_list(unsigned cpu, unsigned list, const uint64_t *pages, unsigned count)
{
	uint64_t last = HEAD(cpu, list);

	for (unsigned i = 0; i < count; i++) {
		put_link(last, node(pages[i]));
		last = node(pages[i]);
	}
	put_link(last, HEAD(cpu, list));
}

static void put_zone(void)
{
	put_half(NODE, 1);
	put(ZONE + 32, LISTS(0));
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		put(OFFSETS + 8 * cpu, LISTS(cpu) - LISTS(0));
		for (unsigned i = 0; i < CPU_LISTS; i++)
			put_list(cpu, i, NULL, 0);
	}
	plan.has_zones = true;
	plan.zones = (struct zone_layout){
		.nodes = NODE,
		.is_one_node = true,
		.zones_offset = ZONE - NODE,
		.zone_size = 64,
		.area_size = 24,
		.free_lists = 1,
		.count_offset = 16,
		.orders = 1,
		.cpus = CPUS,
		.all_cpus = CPUS,
		.lists_offset = 32,
		.cpu_lists_offset = 16,
		.cpu_lists = CPU_LISTS,
		.cpu_list_types = 3,
	};
}

/* Processes in a circle, each of one thread and without a stack. CPUs idle without a thread. */
static void put_tasks(void)
{
	plan.fields = (struct owner_fields){
		.task_list = {.offset = 8, .size = 16},
		.task_pid = {.offset = 0, .size = 4},
		.task_name = {.offset = 32, .size = 16},
		.task_memory = WORD(24),
		.task_signal = WORD(48),
		.task_threads = {.offset = 56, .size = 16},
		.task_stack = WORD(72),
		.signal_threads = {.offset = 16, .size = 16},
		.memory_tables = WORD(80),
		.queue_idle = WORD(0),
		.stack_size = STACK,
	};
	for (unsigned i = 0; i < TASKS; i++) {
		put_link(TASK(i) + 8, TASK((i + 1) % TASKS) + 8);
		put(TASK(i) + 48, SIGNAL(i));
		put_link(SIGNAL(i) + 16, TASK(i) + 56);
		put_link(TASK(i) + 56, SIGNAL(i) + 16);
	}
}

static void setup_levels(unsigned levels)
{
	struct page_layout layout = linux_layout(LINUX_6_1);

	linux_make(&machine, levels);
	linux_map(&machine, &machine.space, VA, PA, PAGES, 0);
	records_make(&records, &layout);
	memcpy(machine.ram + RECORDS_PA, records.bytes, sizeof(records.bytes));
	memory_budget_begin(&budget);
	machine.memory.budget = &budget;
	kernel = (struct linux_kernel){.memory = &machine.memory, .layout = layout};
	kernel.found.space = machine.space;
	kernel.array = (struct page_array){
		.vmemmap = RECORDS_VMEMMAP,
		.frame_count = RECORDS_FIRST + RECORDS,
		.present = RECORDS,
		.run_count = 1,
		.runs = {{paddr(RECORDS_PA), pfn(RECORDS_FIRST), RECORDS}},
	};
	kernel.symbols = (struct linux_symbols){.per_cpu_offset = OFFSETS,
						.init_task = TASK(0),
						.vmalloc_base = VARIABLES,
						.page_offset_base = VARIABLES + 8,
						.image_end = VA + PAGES * PAGE_SIZE};
	vmalloc = levels == 5 ? UINT64_C(0xffa0000000000000) : UINT64_C(0xffffc90000000000);
	put(VARIABLES, vmalloc);
	put(VARIABLES + 8, DIRECT);
	plan = (struct mark_plan){0};
	put_zone();
	put_tasks();
}

static void setup(void)
{
	setup_levels(4);
}

static void setup_five(void)
{
	setup_levels(5);
}

static void teardown(void)
{
	page_marks_end(&marks);
	ck_assert_uint_eq(budget.used, 0);
	linux_free(&machine);
}

static bool mark(void)
{
	page_marks_end(&marks);
	return mark_pages(&kernel, &plan, &marks);
}

static void assert_mark(uint64_t frame, enum page_mark mark)
{
	ck_assert_int_eq(page_mark_of(&marks, frame), mark);
}

static void map(uint64_t va, uint64_t frame)
{
	linux_map(&machine, &machine.space, va, frame * PAGE_SIZE, 1, PTE_WRITE);
}

START_TEST(marks_are_set_and_bounded)
{
	const uint64_t frames = 10 * PAGE_BLOCK_FRAMES + 7;

	ck_assert_int_eq(page_mark_of(&(struct page_marks){0}, 0), PAGE_MARK_NONE);
	ck_assert_int_eq(page_marks_begin(&marks, frames, &budget, &err), 0);
	ck_assert_int_eq(page_marks_set(&marks, 511, 514, PAGE_MARK_TABLE, &err), 0);
	ck_assert_int_eq(page_marks_set(&marks, 600, 1, PAGE_MARK_STACK, &err), 0);
	ck_assert_int_eq(page_marks_set(&marks, frames - 1, UINT64_MAX, PAGE_MARK_MODULE, &err), 0);
	ck_assert_int_eq(page_marks_set(&marks, frames, 1, PAGE_MARK_MODULE, &err), 0);
	ck_assert_int_eq(page_marks_set(&marks, UINT64_MAX, 1, PAGE_MARK_MODULE, &err), 0);
	assert_mark(510, PAGE_MARK_NONE);
	assert_mark(511, PAGE_MARK_TABLE);
	assert_mark(599, PAGE_MARK_TABLE);
	assert_mark(600, PAGE_MARK_STACK);
	assert_mark(1024, PAGE_MARK_TABLE);
	assert_mark(1025, PAGE_MARK_NONE);
	assert_mark(frames - 2, PAGE_MARK_NONE);
	assert_mark(frames - 1, PAGE_MARK_MODULE);
	assert_mark(frames, PAGE_MARK_NONE);
	assert_mark(UINT64_MAX, PAGE_MARK_NONE);
	ck_assert_uint_eq(marks.used, 4);
	page_marks_end(&marks);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(marks_come_from_the_budget)
{
	const uint64_t frames = 1000 * PAGE_BLOCK_FRAMES;
	const uint64_t limit = budget.limit;

	budget.limit = 1000;
	ck_assert_int_eq(page_marks_begin(&marks, frames, &budget, &err), -E2BIG);
	ck_assert_uint_eq(budget.used, 0);
	/* The first 64 blocks, and not the next. */
	budget.limit = 64 * PAGE_BLOCK_FRAMES + 8000;
	ck_assert_int_eq(page_marks_begin(&marks, frames, &budget, &err), 0);
	ck_assert_int_eq(page_marks_set(&marks, 0, frames, PAGE_MARK_TABLE, &err), -E2BIG);
	assert_mark(64 * PAGE_BLOCK_FRAMES - 1, PAGE_MARK_TABLE);
	assert_mark(64 * PAGE_BLOCK_FRAMES, PAGE_MARK_NONE);
	page_marks_end(&marks);
	ck_assert_uint_eq(budget.used, 0);
	/* A look says that it was cut. */
	ck_assert(mark());
	budget.limit = 8000;
	ck_assert(!mark());
	budget.limit = limit;
}
END_TEST

START_TEST(lists_of_cpus_are_marked)
{
	put_list(0, 0, (const uint64_t[]){5, 3, 4}, 3);
	put_list(1, 2, (const uint64_t[]){70, 3000}, 2);
	put_list(0, 11, (const uint64_t[]){16}, 1);
	put_list(1, 13, (const uint64_t[]){1024}, 1);
	ck_assert(mark());
	for (unsigned i = 0; i < RECORDS; i++)
		assert_mark(FRAME(i), (i >= 3 && i <= 5) || i == 70 || i == 3000 ||
						      (i >= 16 && i < 24) ||
						      (i >= 1024 && i < 1024 + 512)
					      ? PAGE_MARK_LISTED
					      : PAGE_MARK_NONE);
	/* Without lists, or with no CPU, nothing is said of them. */
	plan.zones.cpu_lists = 0;
	ck_assert(!mark());
	assert_mark(FRAME(3), PAGE_MARK_NONE);
}
END_TEST

/* What a list has until it breaks. */
static enum list_step walk_list(struct cpu_list_walk *walk, uint64_t most, unsigned *pages)
{
	enum list_step step;

	cpu_list_begin(walk, &kernel, &plan.zones, LISTS(0), 0, most);
	for (*pages = 0; (step = cpu_list_next(walk)) == LIST_NODE; ++*pages)
		;
	return step;
}

static void assert_list(enum list_step step, unsigned pages, const char *text)
{
	struct cpu_list_walk walk;
	unsigned found;

	ck_assert_int_eq(walk_list(&walk, 100, &found), step);
	ck_assert_uint_eq(found, pages);
	ck_assert_str_eq(step == LIST_STRANGE ? walk.problem : walk.found, text);
}

START_TEST(lists_of_cpus_that_do_not_end)
{
	const struct page_layout *layout = &records.layout;
	struct cpu_list_walk walk;
	unsigned pages;

	put_list(0, 0, (const uint64_t[]){5, 3, 4}, 3);
	assert_list(LIST_CLOSED, 3, "");
	ck_assert_int_eq(walk_list(&walk, 2, &pages), LIST_ENDLESS);
	ck_assert_uint_eq(pages, 2);
	/* A loop that leaves out the head. */
	put_link(node(4), node(3));
	ck_assert_int_eq(walk_list(&walk, 100, &pages), LIST_BROKEN);
	ck_assert(mark());
	assert_mark(FRAME(5), PAGE_MARK_LISTED);
	assert_mark(FRAME(4), PAGE_MARK_NONE);
	/* Nodes that are nowhere, and one that is no page. */
	put(node(5), 0);
	ck_assert_int_eq(walk_list(&walk, 100, &pages), LIST_BROKEN);
	ck_assert_uint_eq(pages, 1);
	put(node(5), UINT64_MAX - 7);
	ck_assert_int_eq(walk_list(&walk, 100, &pages), LIST_BROKEN);
	put(node(5), node(RECORDS));
	ck_assert_int_eq(walk_list(&walk, 100, &pages), LIST_BROKEN);
	put_link(HEAD(0, 0), VARIABLES + 16);
	put_link(VARIABLES + 16, HEAD(0, 0));
	assert_list(LIST_STRANGE, 0, "a node that is no page");
	ck_assert_uint_eq(walk.pfn, FRAME(5));
	/* Pages of somebody. */
	put_list(0, 0, (const uint64_t[]){5, 3, 4}, 3);
	put_half(node(3) - layout->lru_next.offset + layout->refcount.offset, 1);
	assert_list(LIST_STRANGE, 1, "a page with references");
	ck_assert(mark());
	assert_mark(FRAME(5), PAGE_MARK_LISTED);
	assert_mark(FRAME(3), PAGE_MARK_NONE);
	put_half(node(3) - layout->lru_next.offset + layout->refcount.offset, 0);
	put_half(node(4) - layout->lru_next.offset + layout->mapcount.offset, UINT32_C(0xffffff7f));
	assert_list(LIST_STRANGE, 2, "a page that is marked as a free block");
}
END_TEST

START_TEST(what_the_kernel_maps_is_marked)
{
	const uint64_t tables = machine.space.root.addr / PAGE_SIZE;

	map(vmalloc + 3 * PAGE_SIZE, FRAME(1));
	map(MODULES, FRAME(2));
	*linux_entry(&machine, &machine.space, vmalloc + 4 * LARGE_PAGE_SIZE, 1) =
		FRAME(1024) * PAGE_SIZE | PTE_PRESENT | PTE_LARGE;
	/* Of all memory, mapped as small pages: tables alone. */
	map(DIRECT, FRAME(3));
	/* Beyond the range, and what is no memory. */
	map(vmalloc - PAGE_SIZE, FRAME(4));
	map(vmalloc + PAGE_SIZE, UINT64_C(1) << 38);
	map(VA + 512 * PAGE_SIZE, FRAME(5));
	ck_assert(mark());
	assert_mark(FRAME(1), PAGE_MARK_VMALLOC);
	assert_mark(FRAME(2), PAGE_MARK_MODULE);
	assert_mark(FRAME(1024), PAGE_MARK_VMALLOC);
	assert_mark(FRAME(1024 + 511), PAGE_MARK_VMALLOC);
	for (unsigned i = 3; i < 6; i++)
		assert_mark(FRAME(i), PAGE_MARK_NONE);
	/* The root is no table of the range, and of all memory's three are; those of the image do not count. */
	assert_mark(tables, PAGE_MARK_NONE);
	assert_mark(*linux_entry(&machine, &machine.space, DIRECT, 1) / PAGE_SIZE % (1 << 24),
		    PAGE_MARK_TABLE);
	/* Without an image's end modules begin where they do in a kernel that may move. */
	kernel.symbols.image_end = 0;
	ck_assert(mark());
	assert_mark(FRAME(2), PAGE_MARK_MODULE);
	kernel.symbols.image_end = MODULES + 1;
	ck_assert(mark());
	/* A range that is not known. */
	put(VARIABLES, vmalloc + 8);
	ck_assert(!mark());
	assert_mark(FRAME(1), PAGE_MARK_NONE);
	assert_mark(FRAME(2), PAGE_MARK_MODULE);
	put(VARIABLES, UINT64_MAX - PAGE_SIZE + 1);
	ck_assert(!mark());
	kernel.symbols.vmalloc_base = 0;
	ck_assert(!mark());
}
END_TEST

/* A stack of four pages, each of which is somewhere. */
static void put_stack(uint64_t task, uint64_t va, unsigned first)
{
	put(task + 72, va);
	for (unsigned i = 0; i < 4; i++)
		map(va + i * PAGE_SIZE, FRAME(first + 8 * i));
}

START_TEST(stacks_are_marked)
{
	/* The last stack first; between two of them other pages; and one of no thread. */
	put_stack(TASK(1), vmalloc + 0x20000, 100);
	put_stack(TASK(2), vmalloc + 0x8000, 101);
	map(vmalloc + 0xc000, FRAME(102));
	map(vmalloc + 0x7000, FRAME(103));
	put_stack(TASK(3), vmalloc + 0x30000, 104);
	put(TASK(3) + 72, 0);
	/* A second thread, whose stack is not in vmalloc's range. */
	put_link(TASK(1) + 56, TASK(8) + 56);
	put_link(TASK(8) + 56, SIGNAL(1) + 16);
	put_stack(TASK(8), DIRECT + 0x10000, 105);
	/* A CPU's own thread. */
	kernel.symbols.runqueues = QUEUE(0);
	kernel.symbols.nr_cpu_ids = VARIABLES + 32;
	put_half(VARIABLES + 32, CPUS);
	put(QUEUE(1), TASK(9));
	put_stack(TASK(9), vmalloc + 0x40000, 106);
	ck_assert(mark());
	for (unsigned i = 0; i < 4; i++) {
		assert_mark(FRAME(100 + 8 * i), PAGE_MARK_STACK);
		assert_mark(FRAME(101 + 8 * i), PAGE_MARK_STACK);
		assert_mark(FRAME(104 + 8 * i), PAGE_MARK_VMALLOC);
		assert_mark(FRAME(105 + 8 * i), PAGE_MARK_STACK);
		assert_mark(FRAME(106 + 8 * i), PAGE_MARK_STACK);
	}
	assert_mark(FRAME(102), PAGE_MARK_VMALLOC);
	assert_mark(FRAME(103), PAGE_MARK_VMALLOC);
	/* Without fields nothing is a stack, and it is said. */
	plan.fields.task_stack.size = 0;
	ck_assert(!mark());
	assert_mark(FRAME(100), PAGE_MARK_VMALLOC);
}
END_TEST

START_TEST(threads_that_lead_nowhere)
{
	struct kernel_stacks stacks;

	put(TASK(1) + 72, vmalloc);
	put(TASK(2) + 72, vmalloc + 1);
	put(TASK(3) + 72, UINT64_MAX - PAGE_SIZE + 1);
	ck_assert_int_eq(kernel_stacks_read(&kernel, &plan.fields, UINT64_MAX, NULL, NULL, &stacks),
			 0);
	ck_assert(stacks.is_complete);
	ck_assert_uint_eq(stacks.count, 2);
	ck_assert_uint_eq(stacks.list[0], vmalloc);
	kernel_stacks_free(&stacks);
	ck_assert(mark());
	/* Too late. */
	ck_assert_int_eq(kernel_stacks_read(&kernel, &plan.fields, 0, NULL, NULL, &stacks), 0);
	ck_assert(!stacks.is_complete);
	kernel_stacks_free(&stacks);
	/* Threads in a circle without what they share, whose links are sound. */
	put_link(TASK(1) + 56, TASK(8) + 56);
	put_link(TASK(8) + 56, TASK(9) + 56);
	put_link(TASK(9) + 56, TASK(8) + 56);
	ck_assert_int_eq(kernel_stacks_read(&kernel, &plan.fields, UINT64_MAX, NULL, NULL, &stacks),
			 0);
	ck_assert(!stacks.is_complete);
	kernel_stacks_free(&stacks);
	ck_assert(!mark());
	/* Processes in a circle without the kernel's own. */
	put_link(TASK(3) + 8, TASK(2) + 8);
	ck_assert(!mark());
}
END_TEST

START_TEST(top_tables_of_processes_are_marked)
{
	struct kernel_space space = linux_new_space(&machine, machine.space.levels);
	const uint64_t memory = VA + 0xe000;

	linux_map(&machine, &space, 0x400000, FRAME(7) * PAGE_SIZE, 1, PTE_USER);
	linux_map(&machine, &machine.space, DIRECT + PAGE_SIZE, space.root.addr, 1, 0);
	put(memory + 80, DIRECT + PAGE_SIZE);
	put(TASK(1) + 24, memory);
	ck_assert(mark());
	assert_mark(space.root.addr / PAGE_SIZE, PAGE_MARK_TABLE);
	/* New tables lie one below the other: the next ones down to that of 2 MiB pages, which has a type. */
	for (unsigned i = 1; i <= machine.space.levels - 3; i++)
		assert_mark(space.root.addr / PAGE_SIZE - i, PAGE_MARK_TABLE);
	assert_mark(space.root.addr / PAGE_SIZE - machine.space.levels + 2, PAGE_MARK_NONE);
	assert_mark(FRAME(7), PAGE_MARK_NONE);
}
END_TEST

static void assert_class(uint64_t i, enum page_state state, int class)
{
	struct page_scan scan = {0};

	records_hand(&records, i, 1);
	records.in.marks = &marks;
	struct frame frame = page_classify(&records.in, &scan, 0);

	ck_assert_int_eq(frame.state, state);
	ck_assert_int_eq(frame.type, class);
}

START_TEST(records_come_before_marks)
{
	static const int classes[] = {
		[PAGE_MARK_TABLE] = PAGE_CLASS_TABLE,
		[PAGE_MARK_VMALLOC] = PAGE_CLASS_VMALLOC,
		[PAGE_MARK_MODULE] = PAGE_CLASS_MODULE,
		[PAGE_MARK_STACK] = PAGE_CLASS_STACK,
	};

	records_use(&records, 1, 1, 0);
	records_use(&records, 2, 1, MAPPING | 1);
	records_flag(&records, 3, PAGE_FLAG_SLAB);
	records_flag(&records, 4, PAGE_FLAG_RESERVED);
	records_use(&records, 5, (unsigned)-1, 0);
	records_free(&records, 16, 3);
	records_compound(&records, 32, 2);
	records_use(&records, 32, 1, 0);
	ck_assert_int_eq(page_marks_begin(&marks, kernel.array.frame_count, &budget, &err), 0);
	for (int mark = PAGE_MARK_NONE; mark <= PAGE_MARK_STACK; mark++) {
		bool is_use = mark > PAGE_MARK_LISTED;
		int class = is_use ? classes[mark] : PAGE_CLASS_UNKNOWN;

		page_marks_set(&marks, RECORDS_FIRST, 64, (enum page_mark)mark, &err);
		assert_class(1, PAGE_STATE_USED, class);
		assert_class(2, PAGE_STATE_USED, PAGE_CLASS_ANON);
		assert_class(3, PAGE_STATE_USED, PAGE_CLASS_SLAB);
		assert_class(4, PAGE_STATE_RESERVED, FRAME_TYPE_NONE);
		assert_class(5, PAGE_STATE_BROKEN, FRAME_TYPE_NONE);
		assert_class(16, PAGE_STATE_FREE, FRAME_TYPE_NONE);
		assert_class(19, PAGE_STATE_FREE, FRAME_TYPE_NONE);
		assert_class(32, PAGE_STATE_USED, class);
		assert_class(33, PAGE_STATE_USED, class);
		assert_class(48,
			     is_use                     ? PAGE_STATE_USED
			     : mark == PAGE_MARK_LISTED ? PAGE_STATE_LISTED
							: PAGE_STATE_IN_TRANSIT,
			     is_use ? class : FRAME_TYPE_NONE);
	}
	/* Each page of a compound page has its own. */
	page_marks_set(&marks, FRAME(33), 1, PAGE_MARK_NONE, &err);
	assert_class(32, PAGE_STATE_USED, PAGE_CLASS_STACK);
	assert_class(33, PAGE_STATE_USED, PAGE_CLASS_UNKNOWN);
	assert_class(34, PAGE_STATE_USED, PAGE_CLASS_STACK);
}
END_TEST

Suite *linux_marks_suite(void)
{
	Suite *suite = suite_create("linux_marks");
	TCase *tcase = tcase_create("four levels");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, marks_are_set_and_bounded);
	tcase_add_test(tcase, marks_come_from_the_budget);
	tcase_add_test(tcase, lists_of_cpus_are_marked);
	tcase_add_test(tcase, lists_of_cpus_that_do_not_end);
	tcase_add_test(tcase, what_the_kernel_maps_is_marked);
	tcase_add_test(tcase, stacks_are_marked);
	tcase_add_test(tcase, threads_that_lead_nowhere);
	tcase_add_test(tcase, top_tables_of_processes_are_marked);
	tcase_add_test(tcase, records_come_before_marks);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("five levels");
	tcase_add_checked_fixture(tcase, setup_five, teardown);
	tcase_add_test(tcase, what_the_kernel_maps_is_marked);
	tcase_add_test(tcase, stacks_are_marked);
	tcase_add_test(tcase, top_tables_of_processes_are_marked);
	suite_add_tcase(suite, tcase);
	return suite;
}
