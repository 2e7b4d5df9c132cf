/* SPDX-License-Identifier: MPL-2.0 */
/* Marks of pages: see mark_pages.h. Address ranges: Documentation/arch/x86/x86_64/mm.rst, pgtable_64_types.h. */
#include "kind/linux/mark_pages.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kind/linux/cpu_lists.h"
#include "kind/linux/kernel_stacks.h"
#include "kind/linux/kernel_tables.h"
#include "kind/linux/mappings.h"

#define TIB UINT64_C(0x10000000000)

/* Bytes of vmalloc's range: VMALLOC_SIZE_TB_L4 and _L5. */
#define VMALLOC_SIZE_4 (32 * TIB)
#define VMALLOC_SIZE_5 (12800 * TIB)

/* MODULES_VADDR without KASLR and with it, MODULES_END. An image ends before its modules begin. */
#define MODULES_START UINT64_C(0xffffffffa0000000)
#define MODULES_KASLR UINT64_C(0xffffffffc0000000)
#define MODULES_END   UINT64_C(0xffffffffff000000)
#define IMAGE_ALIGN   (UINT64_C(2) << 20)

#define STACK_SIZE_MAX (UINT64_C(64) << 10)

/* Attempts at a list that changes while it is walked. */
#define LIST_TRIES 4

/* Nodes of all lists, for each frame, and for none. */
#define NODES_MORE (1 << 16)

/* Tables of processes whose level is lower have a type, or are not worth it. */
#define PROCESS_LEVEL 3

struct marking {
	const struct linux_kernel *kernel;
	const struct mark_plan *plan;
	struct page_marks *marks;
	struct kernel_stacks stacks;
	uint64_t next_stack; /* the first that ends behind what a walk has come to */
	uint64_t stack_size;
	uint64_t end_ns, tables_left, nodes_left;
	enum page_mark mark; /* for what the walk finds mapped */
	bool is_complete;
	struct error ignored;
};

static int set(struct marking *marking, uint64_t first, uint64_t count, enum page_mark mark)
{
	return page_marks_set(marking->marks, first, count, mark, &marking->ignored);
}

static bool is_late(struct marking *marking)
{
	if (clock_now_ns() < marking->end_ns)
		return false;
	marking->is_complete = false;
	return true;
}

/* Returns whether the list came to its end. What was on it until then was on it. */
static bool mark_list(struct marking *marking, const struct zone_layout *layout, uint64_t lists,
		      unsigned list)
{
	const unsigned order = cpu_list_order(layout, list);
	struct cpu_list_walk walk;
	enum list_step step;

	cpu_list_begin(&walk, marking->kernel, layout, lists, list, marking->nodes_left);
	while ((step = cpu_list_next(&walk)) == LIST_NODE)
		if (is_late(marking) ||
		    set(marking, walk.pfn, UINT64_C(1) << order, PAGE_MARK_LISTED) < 0) {
			marking->is_complete = false;
			break;
		}
	marking->nodes_left = walk.left;
	if (step == LIST_ENDLESS)
		marking->is_complete = false;
	return step != LIST_BROKEN && step != LIST_STRANGE;
}

static bool mark_zone(void *own, const struct linux_zone *zone)
{
	struct marking *marking = own;
	const struct zone_layout *layout = zone->layout;
	uint64_t lists;

	for (unsigned cpu = 0; cpu < layout->all_cpus && marking->is_complete; cpu++) {
		if (!cpu_lists_at(marking->kernel, zone, cpu, &lists))
			continue;
		for (unsigned i = 0; i < layout->cpu_lists && !is_late(marking); i++)
			for (unsigned try = 0; try < LIST_TRIES; try++)
				if (mark_list(marking, layout, lists, i))
					break;
	}
	return marking->is_complete;
}

static void mark_lists(struct marking *marking)
{
	const struct mark_plan *plan = marking->plan;

	marking->nodes_left = 2 * marking->kernel->array.present + NODES_MORE;
	if (!plan->has_zones || plan->zones.cpu_lists == 0 || plan->zones.cpu_list_types == 0 ||
	    linux_zones_of(marking->kernel, &plan->zones, mark_zone, marking, &marking->ignored) <
		    0)
		marking->is_complete = false;
}

static int mark_table(void *own, uint64_t frame)
{
	return set(own, frame, 1, PAGE_MARK_TABLE);
}

static int mark_mapped(void *own, uint64_t va, uint64_t first, uint64_t count)
{
	struct marking *marking = own;
	const struct kernel_stacks *stacks = &marking->stacks;
	enum page_mark mark = marking->mark;

	while (marking->next_stack < stacks->count &&
	       stacks->list[marking->next_stack] + marking->stack_size <= va)
		marking->next_stack++;
	if (count == 1 && marking->next_stack < stacks->count &&
	    stacks->list[marking->next_stack] <= va)
		mark = PAGE_MARK_STACK;
	return set(marking, first, count, mark);
}

/* Whoever can has an end of it: what a walk takes, the next one has less of. */
static int walk_tables(struct marking *marking, const struct kernel_space *space,
		       struct table_walk *walk)
{
	walk->tables_left = marking->tables_left;
	walk->end_ns = marking->end_ns;
	walk->table = mark_table;
	walk->own = marking;
	int result = kernel_tables_walk(space, walk);

	marking->tables_left = walk->tables_left;
	if (result < 0 || walk->is_partial)
		marking->is_complete = false;
	return result;
}

/* The kernel gives the lower ones of a process a type; only newer ones do so with the top ones. */
static int mark_process(void *own, const struct linux_process *process)
{
	struct marking *marking = own;
	const struct kernel_space *kernel = &marking->kernel->found.space;
	struct table_walk walk = {.last = (UINT64_C(1) << (12 + 9 * kernel->levels - 1)) - 1,
				  .lowest = PROCESS_LEVEL};
	struct kernel_space space;

	if (!process->memory ||
	    !process_space(kernel, &marking->plan->fields, process->memory, &space))
		return 0;
	if (set(marking, space.root.addr / PAGE_SIZE, 1, PAGE_MARK_TABLE) < 0)
		return -E2BIG;
	return walk_tables(marking, &space, &walk) < 0 ? -E2BIG : 0;
}

/* A stack that is not in vmalloc's range. */
static int mark_stack(struct marking *marking, uint64_t stack)
{
	int result = 0;

	for (uint64_t done = 0; result == 0 && done < marking->stack_size;) {
		const uint64_t want = marking->stack_size - done;
		struct kernel_run run;

		if (kernel_space_run(&marking->kernel->found.space, stack + done, want, &run) < 0)
			return 0;
		if (run.length > want)
			run.length = want;
		result = set(marking, run.pa.addr / PAGE_SIZE, run.length / PAGE_SIZE,
			     PAGE_MARK_STACK);
		done += run.length;
	}
	return result;
}

/* Virtual addresses of vmalloc's range. Returns false if it is not known. */
static bool vmalloc_range(const struct linux_kernel *kernel, uint64_t *first, uint64_t *last)
{
	const struct kernel_space *space = &kernel->found.space;
	const uint64_t size = space->levels == 5 ? VMALLOC_SIZE_5 : VMALLOC_SIZE_4;

	if (!kernel->symbols.vmalloc_base ||
	    kernel_space_word(space, kernel->symbols.vmalloc_base, first) < 0 ||
	    *first % PAGE_SIZE || !kernel_space_is_kernel_va(space, *first) ||
	    *first > UINT64_MAX - size)
		return false;
	*last = *first + size - 1;
	return true;
}

/* Stacks in vmalloc's range are met when that is walked. */
static void mark_stacks(struct marking *marking, uint64_t first, uint64_t last)
{
	struct kernel_stacks *stacks = &marking->stacks;
	int result = kernel_stacks_read(marking->kernel, &marking->plan->fields, marking->end_ns,
					mark_process, marking, stacks);

	if (result < 0 || !stacks->is_complete)
		marking->is_complete = false;
	for (uint64_t i = 0; i < stacks->count && !is_late(marking); i++)
		if ((stacks->list[i] < first || stacks->list[i] > last) &&
		    mark_stack(marking, stacks->list[i]) < 0)
			marking->is_complete = false;
}

/* What the kernel maps of all memory, by tables alone: it may split what was mapped as huge pages. */
static void mark_tables_of(struct marking *marking, uint64_t first, uint64_t size)
{
	struct table_walk walk = {.first = first, .last = first + size - 1, .lowest = 1};

	if (size && kernel_space_is_kernel_va(&marking->kernel->found.space, first) &&
	    walk.last > first)
		walk_tables(marking, &marking->kernel->found.space, &walk);
}

static void mark_range(struct marking *marking, uint64_t first, uint64_t last, enum page_mark mark)
{
	struct table_walk walk = {.first = first, .last = last, .mapped = mark_mapped};

	marking->mark = mark;
	marking->next_stack = 0;
	walk_tables(marking, &marking->kernel->found.space, &walk);
}

static void mark_modules(struct marking *marking)
{
	const uint64_t end = marking->kernel->symbols.image_end;
	uint64_t first = end > MODULES_START ? end : MODULES_START;

	if (end == 0 || end > MODULES_KASLR)
		first = MODULES_KASLR;
	mark_range(marking, align_up(first, IMAGE_ALIGN), MODULES_END - 1, PAGE_MARK_MODULE);
}

static void mark_tables(struct marking *marking)
{
	const struct linux_kernel *kernel = marking->kernel;
	const struct page_array *array = &kernel->array;
	uint64_t direct;

	if (kernel->symbols.page_offset_base &&
	    kernel_space_word(&kernel->found.space, kernel->symbols.page_offset_base, &direct) == 0)
		mark_tables_of(marking, direct, array->frame_count * PAGE_SIZE);
	mark_tables_of(marking, array->vmemmap, array->frame_count * LAYOUT_PAGE_SIZE);
}

void mark_plan_read(const struct linux_kernel *kernel, struct mark_plan *plan)
{
	struct error ignored;

	*plan = (struct mark_plan){0};
	owner_fields_read(kernel, &plan->fields);
	plan->has_zones = linux_zone_layout(kernel, &plan->zones, &ignored) == 0;
}

static bool mark_in(const struct linux_kernel *kernel, const struct mark_plan *plan,
		    struct page_marks *marks)
{
	struct marking marking = {.kernel = kernel,
				  .plan = plan,
				  .marks = marks,
				  .end_ns = clock_now_ns() + MARK_NS_MAX,
				  .tables_left = MARK_TABLES_MAX,
				  .is_complete = true};
	uint64_t first = 1, last = 0;

	marking.stack_size = plan->fields.stack_size <= STACK_SIZE_MAX ? plan->fields.stack_size
								       : 0;
	if (page_marks_begin(marks, kernel->array.frame_count, kernel->memory->budget,
			     &marking.ignored) < 0)
		return false;
	bool has_vmalloc = vmalloc_range(kernel, &first, &last);

	mark_lists(&marking);
	mark_stacks(&marking, first, last);
	mark_tables(&marking);
	mark_modules(&marking);
	if (has_vmalloc)
		mark_range(&marking, first, last, PAGE_MARK_VMALLOC);
	kernel_stacks_free(&marking.stacks);
	return marking.is_complete && has_vmalloc;
}

bool mark_pages(const struct linux_kernel *kernel, const struct mark_plan *plan,
		struct page_marks *marks)
{
	/* A copy that looks up the kernel's mappings once. */
	struct linux_kernel *quick = malloc(sizeof(*quick));
	struct kernel_mappings met = {0};
	bool is_complete = false;

	*marks = (struct page_marks){0};
	if (quick) {
		*quick = *kernel;
		quick->found.space.met = &met;
		is_complete = mark_in(quick, plan, marks);
	}
	free(quick);
	return is_complete;
}
