/* SPDX-License-Identifier: MPL-2.0 */
/* Stacks of threads: see kernel_stacks.h. */
#include "kind/linux/kernel_stacks.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define ROOM_FIRST 256 /* doubled when it does not suffice */

/* Looks at the list of processes, which changes meanwhile. */
#define LOOKS_MAX 3

struct reading {
	const struct kernel_space *space;
	const struct owner_fields *fields;
	uint64_t end_ns, threads_left;
	process_visit *visit;
	void *own;
	struct kernel_stacks *to;
};

static bool is_late(const struct reading *reading)
{
	return clock_now_ns() >= reading->end_ns;
}

static int add(struct kernel_stacks *stacks, uint64_t stack)
{
	if (stacks->count == stacks->room) {
		uint64_t room = stacks->room ? 2 * stacks->room : ROOM_FIRST, *list;

		if (room > KERNEL_STACKS_MAX)
			return -E2BIG;
		list = realloc(stacks->list, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		stacks->list = list;
		stacks->room = room;
	}
	stacks->list[stacks->count++] = stack;
	return 0;
}

/* A thread that has ended may have none any more. */
static int add_thread(struct reading *reading, uint64_t task)
{
	uint64_t stack;

	if (!kernel_field_pointer(reading->space, task, &reading->fields->task_stack, &stack) ||
	    stack % PAGE_SIZE)
		return 0;
	return add(reading->to, stack);
}

/* The threads of a process are on a list that begins in what they share. */
static int add_process(void *own, const struct linux_process *process)
{
	struct reading *reading = own;
	const struct owner_fields *fields = reading->fields;
	int result = reading->visit ? reading->visit(reading->own, process) : 0;
	uint64_t signal, head, node;

	if (result == 0 && is_late(reading))
		result = -E2BIG;
	if (result != 0 ||
	    !kernel_field_pointer(reading->space, process->task, &fields->task_signal, &signal))
		return result;
	head = node = signal + fields->signal_threads.offset;
	while (result == 0) {
		if (!kernel_list_next(reading->space, node, &node)) {
			reading->to->is_complete = false;
			return 0;
		}
		if (node == head)
			return 0;
		if (reading->threads_left == 0 || is_late(reading))
			return -E2BIG;
		reading->threads_left--;
		result = add_thread(reading, node - fields->task_threads.offset);
	}
	return result;
}

static void add_idle(const struct linux_kernel *kernel, struct reading *reading)
{
	unsigned cpus = linux_cpus_max(kernel);

	if (!kernel->symbols.per_cpu_offset || !kernel->symbols.runqueues)
		return;
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		uint64_t offset, task;

		if (kernel_space_word(reading->space,
				      kernel->symbols.per_cpu_offset + cpu * sizeof(offset),
				      &offset) == 0 &&
		    kernel_field_pointer(reading->space, kernel->symbols.runqueues + offset,
					 &reading->fields->queue_idle, &task))
			add_thread(reading, task);
	}
}

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a < b ? -1 : a > b;
}

int kernel_stacks_read(const struct linux_kernel *kernel, const struct owner_fields *fields,
		       uint64_t end_ns, process_visit *visit, void *own,
		       struct kernel_stacks *stacks)
{
	/* What they count is of no use here, nor is a memory that only some thread of a process still has. */
	struct owner_fields few = *fields;
	struct reading reading = {.space = &kernel->found.space,
				  .fields = fields,
				  .end_ns = end_ns,
				  .threads_left = KERNEL_STACKS_MAX,
				  .visit = visit,
				  .own = own,
				  .to = stacks};
	bool is_complete = false;
	struct error ignored;
	int result = 0;

	*stacks = (struct kernel_stacks){0};
	if (fields->task_stack.size != sizeof(uint64_t) || fields->signal_threads.size != 16 ||
	    fields->task_threads.size != 16)
		return -ENODATA;
	few.counters.size = few.signal_threads.size = few.task_start.size = 0;
	add_idle(kernel, &reading);
	const uint64_t idle = stacks->count;

	for (unsigned i = 0; result == 0 && !is_complete && i < LOOKS_MAX; i++) {
		stacks->count = idle;
		stacks->is_complete = true;
		result = linux_processes(kernel, &few, add_process, &reading, &is_complete,
					 &ignored);
		is_complete = is_complete && stacks->is_complete;
	}
	stacks->is_complete = is_complete;
	if (stacks->count)
		qsort(stacks->list, stacks->count, sizeof(*stacks->list), compare);
	return result == -E2BIG ? 0 : result;
}

void kernel_stacks_free(struct kernel_stacks *stacks)
{
	free(stacks->list);
	*stacks = (struct kernel_stacks){0};
}
