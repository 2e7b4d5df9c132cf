/* SPDX-License-Identifier: MPL-2.0 */
/* The frames that processes map: see task_frames.h. */
#include "kind/linux/task_frames.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>

#include "base/printable.h"
#include "kind/linux/mappings.h"

#define ATTEMPTS 4 /* to read a list of processes that changes */

/* What one table of the lowest level maps. */
#define TABLE_BYTES (PT_ENTRIES * PAGE_SIZE)

/* Marking as many frames takes as long as reading a table. */
#define MARKS_OF_A_TABLE_SHIFT 15

struct marking {
	const struct linux_kernel *kernel;
	const struct owner_fields *fields;
	const struct property_owner *owner;
	struct frame_set *frames;
	struct mapping_walk walk;
	struct kernel_space space;     /* of the process that is looked at */
	uint64_t confirmed;            /* the number of the piece of TABLE_BYTES that is, plus 1 */
	bool has_mappings;             /* of this process */
	bool has_tables, lacks_tables; /* of some */
};

static bool take(struct marking *marking, uint64_t tables)
{
	if (marking->walk.tables_left < tables)
		return false;
	marking->walk.tables_left -= tables;
	return true;
}

/*
 * A table is copied as a whole, so it was one of the process' when it was copied if it is still there now: one of its entries that is
 * confirmed stands for all that follow.
 */
static int mark(void *own, const struct linux_mapping *mapping)
{
	struct marking *marking = own;
	const uint64_t piece = mapping->va / TABLE_BYTES + 1;

	marking->has_mappings = true;
	if (mapping->count > 1 || piece != marking->confirmed) {
		if (!take(marking, 1 + (mapping->count >> MARKS_OF_A_TABLE_SHIFT)))
			return -E2BIG;
		if (!mapping_confirm(&marking->space, mapping->va, mapping->first))
			return 0;
		marking->confirmed = mapping->count > 1 ? 0 : piece;
	}
	frame_set_add(marking->frames, mapping->first, mapping->count);
	return 0;
}

static bool is_meant(const struct property_owner *owner, const struct linux_process *process)
{
	char name[PROCESS_NAME_SIZE];

	if (!owner->pattern)
		return process->pid == owner->number;
	printable_copy(name, sizeof(name), process->name);
	return fnmatch(owner->pattern, name, 0) == 0;
}

static bool has_present(const uint64_t *entries, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (entries[i] & PTE_PRESENT)
			return true;
	return false;
}

/*
 * Each top table maps the kernel, too: one that does not was not captured. Of one that leads to tables of which none maps anything
 * these were not.
 */
static bool has_tables(const struct kernel_space *space, bool has_mappings)
{
	uint64_t entries[PT_ENTRIES];

	return guest_memory_copy(space->memory, paddr(space->root.addr & PTE_ADDRESS_MASK), entries,
				 sizeof(entries)) == 0 &&
	       has_present(entries + PT_ENTRIES / 2, PT_ENTRIES / 2) &&
	       (has_mappings || !has_present(entries, PT_ENTRIES / 2));
}

static int look_at(void *own, const struct linux_process *process)
{
	struct marking *marking = own;

	if (!process->memory || !is_meant(marking->owner, process))
		return 0;
	/* A process that has just ended may have none either. */
	if (!process_space(&marking->kernel->found.space, marking->fields, process->memory,
			   &marking->space)) {
		marking->lacks_tables = true;
		return 0;
	}
	marking->has_mappings = false;
	marking->confirmed = 0;
	int result = process_mappings(&marking->space, &marking->walk);

	if (has_tables(&marking->space, marking->has_mappings))
		marking->has_tables = true;
	else
		marking->lacks_tables = true;
	return result;
}

static int refuse(const struct marking *marking, uint64_t tables_max, int result, bool is_complete,
		  struct error *err)
{
	if (result == -E2BIG)
		return error_set(err, result,
				 "these processes have more than %" PRIu64 " page tables",
				 tables_max);
	if (result == 0 && marking->lacks_tables && !marking->has_tables)
		return error_set(err, -ENODATA,
				 "the page tables of processes are not in this memory");
	if (result == 0 && !is_complete)
		return error_set(err, -EAGAIN,
				 "the list of processes changed while it was read: try again");
	return result;
}

int task_frames_add(const struct linux_kernel *kernel, const struct owner_fields *fields,
		    const struct property_owner *owner, uint64_t tables_max,
		    struct frame_set *frames, struct error *err)
{
	/* What they count is of no use here, and takes time. */
	struct owner_fields uncounted = *fields;
	struct marking marking = {
		.kernel = kernel, .fields = &uncounted, .owner = owner, .frames = frames};
	bool is_complete = false;
	int result = 0;

	if (fields->memory_tables.size == 0)
		return error_set(err, -ENODATA,
				 "the guest's kernel does not say where its page tables are");
	uncounted.counters.size = 0;
	marking.walk = (struct mapping_walk){
		.last = UINT64_MAX, .tables_left = tables_max, .visit = mark, .own = &marking};
	for (unsigned i = 0; result == 0 && !is_complete && i < ATTEMPTS; i++)
		result = linux_processes(kernel, &uncounted, look_at, &marking, &is_complete, err);
	return refuse(&marking, tables_max, result, is_complete, err);
}
