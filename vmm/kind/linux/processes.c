/* SPDX-License-Identifier: MPL-2.0 */
/* The list of processes: see processes.h. */
#include "kind/linux/processes.h"

#include <errno.h>
#include <stdlib.h>

/* No count of pages is larger: they would fill more than an address space. */
#define PAGES_MAX (INT64_C(1) << 45)

/* Parts of counters that are read at most, of all processes: about a second's work. */
#define PARTS_MAX (1 << 18)

/* Threads that are looked at for a memory, of all processes. */
#define THREADS_MAX (1 << 18)

struct reader {
	const struct kernel_space *space;
	const struct owner_fields *fields;
	unsigned cpus; /* 0: the parts of counters are not read */
	uint64_t *cpu_offsets;
	uint64_t parts_left, threads_left;
};

/* What CPUs have counted and not yet added to the sum. */
static int64_t missing(struct reader *reader, uint64_t counter)
{
	int64_t sum = 0;
	uint64_t parts;

	if (reader->fields->counter_parts.size == 0 || reader->parts_left < reader->cpus ||
	    !kernel_field_read(reader->space, counter, &reader->fields->counter_parts, &parts))
		return 0;
	reader->parts_left -= reader->cpus;
	for (unsigned cpu = 0; cpu < reader->cpus; cpu++) {
		uint64_t at = parts + reader->cpu_offsets[cpu];
		int32_t part;

		if (at % sizeof(part) == 0 && kernel_space_is_kernel_va(reader->space, at) &&
		    kernel_space_copy(reader->space, at, &part, sizeof(part)) == 0)
			sum += part;
	}
	return sum;
}

static bool read_counters(struct reader *reader, uint64_t memory, uint64_t pages[COUNTERS])
{
	const struct owner_fields *fields = reader->fields;

	if (fields->counters.size == 0)
		return false;
	for (unsigned i = 0; i < COUNTERS; i++) {
		uint64_t counter = memory + fields->counters.offset +
				   (uint64_t)fields->counter_index[i] * fields->counter_size;
		uint64_t word;

		if (!kernel_field_read(reader->space, counter, &fields->counter_sum, &word) ||
		    (int64_t)word > PAGES_MAX || (int64_t)word < -PAGES_MAX)
			return false;
		int64_t sum = (int64_t)word + missing(reader, counter);

		/* What is read of a counter that changes may be less than nothing. */
		pages[i] = sum > 0 ? (uint64_t)sum : 0;
	}
	return true;
}

/* The memory of a process is that of each of its threads; the first may have ended, and has none any more. */
static bool find_memory(struct reader *reader, uint64_t task, uint64_t *memory)
{
	const struct owner_fields *fields = reader->fields;
	uint64_t signal, node;

	if (kernel_field_pointer(reader->space, task, &fields->task_memory, memory))
		return true;
	if (fields->signal_threads.size != 16 || fields->task_threads.size != 16 ||
	    !kernel_field_pointer(reader->space, task, &fields->task_signal, &signal))
		return false;
	node = signal + fields->signal_threads.offset;
	for (unsigned i = 0; i < PROCESS_THREADS_MAX && reader->threads_left > 0; i++) {
		reader->threads_left--;
		if (!kernel_list_next(reader->space, node, &node) ||
		    node == signal + fields->signal_threads.offset)
			return false;
		if (kernel_field_pointer(reader->space, node - fields->task_threads.offset,
					 &fields->task_memory, memory))
			return true;
	}
	return false;
}

static bool read_process(struct reader *reader, uint64_t task, struct linux_process *process)
{
	const struct owner_fields *fields = reader->fields;
	uint64_t pid;

	*process = (struct linux_process){.task = task};
	if (!kernel_field_read(reader->space, task, &fields->task_pid, &pid) ||
	    !kernel_field_text(reader->space, task, &fields->task_name, process->name,
			       sizeof(process->name)))
		return false;
	process->pid = (uint32_t)pid;
	kernel_field_read(reader->space, task, &fields->task_start, &process->start);
	if (!find_memory(reader, task, &process->memory))
		process->memory = 0;
	process->has_pages = process->memory &&
			     read_counters(reader, process->memory, process->pages);
	return true;
}

static int walk(struct reader *reader, uint64_t first, process_visit *visit, void *own,
		bool *is_complete)
{
	const uint64_t head = first + reader->fields->task_list.offset;
	uint64_t node = head;
	int result = 0;

	*is_complete = false;
	for (unsigned i = 0; result == 0 && i < PROCESSES_MAX; i++) {
		struct linux_process process;

		if (!kernel_list_next(reader->space, node, &node))
			return 0;
		if (node == head) {
			*is_complete = true;
			return 0;
		}
		if (!read_process(reader, node - reader->fields->task_list.offset, &process))
			return 0;
		result = visit(own, &process);
	}
	return result;
}

/* Without them sums are as the kernel has them, some pages behind. */
static void read_cpus(const struct linux_kernel *kernel, struct reader *reader)
{
	unsigned cpus = reader->fields->counter_parts.size ? linux_cpus_max(kernel) : 0;

	if (cpus == 0 || !kernel->symbols.per_cpu_offset)
		return;
	reader->cpu_offsets = calloc(cpus, sizeof(*reader->cpu_offsets));
	if (reader->cpu_offsets &&
	    kernel_space_copy(reader->space, kernel->symbols.per_cpu_offset, reader->cpu_offsets,
			      cpus * sizeof(*reader->cpu_offsets)) == 0)
		reader->cpus = cpus;
}

int linux_processes(const struct linux_kernel *kernel, const struct owner_fields *fields,
		    process_visit *visit, void *own, bool *is_complete, struct error *err)
{
	struct reader reader = {.space = &kernel->found.space,
				.fields = fields,
				.parts_left = PARTS_MAX,
				.threads_left = THREADS_MAX};

	if (!kernel->symbols.init_task || fields->task_list.size != 16)
		return error_set(err, -ENODATA,
				 "the guest's kernel does not say where its processes are");
	read_cpus(kernel, &reader);
	int result = walk(&reader, kernel->symbols.init_task, visit, own, is_complete);

	free(reader.cpu_offsets);
	return result;
}
