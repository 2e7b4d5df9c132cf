/* SPDX-License-Identifier: MPL-2.0 */
/* Where the memory of a Linux guest went: see breakdown.h. */
#include "kind/linux/breakdown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/printable.h"
#include "kind/frame_walk.h"
#include "kind/linux/breakdown_blocks.h"
#include "kind/linux/breakdown_types.h"
#include "kind/linux/file_name.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_owner.h"
#include "kind/linux/pointer_sums.h"
#include "kind/linux/processes.h"
#include "kind/linux/slab_cache.h"
#include "kind/linux/zones.h"

/* What all of them use. */
struct making {
	const struct guest *guest;
	const struct linux_kernel *kernel;
	struct owner_fields fields;
	enum breakdown_by by;
	struct breakdown *to;
	struct error *err;
	int result; /* of a visitor that can only end its walk */
};

/* Sums up the pages that have an owner. */
struct gathering {
	const struct making *making;
	struct page_records in;
	struct pointer_sums sums;
};

static bool is_wanted(const struct making *making, int class)
{
	return page_class_has_owner(class) &&
	       (class == PAGE_CLASS_SLAB) == (making->by == BREAKDOWN_CACHE);
}

static int gather_page(struct gathering *gathering, uint64_t pfn, const void *record, int class)
{
	struct page_owner owner;

	if (!page_owner_of(&gathering->in, pfn, record, class, &owner))
		owner = (struct page_owner){.is_tail = true};
	return pointer_sums_add(&gathering->sums, owner.va, 1, !owner.is_tail,
				gathering->making->err);
}

static int gather(void *own, const struct frame_batch *batch)
{
	struct gathering *gathering = own;
	int result = 0;

	for (uint64_t i = 0; result == 0 && batch->frames && i < batch->count; i++) {
		int class = batch->frames[i].type;

		if (is_wanted(gathering->making, class))
			result = gather_page(gathering, batch->first.index + i,
					     batch->records + i * LAYOUT_PAGE_SIZE, class);
	}
	return result;
}

/* Whether what a page's record points at is what it should be. */
static bool is_owner(const struct making *making, uint64_t va)
{
	const struct kernel_space *space = &making->kernel->found.space;
	char name[SLAB_NAME_SIZE];
	uint64_t inode;

	return making->by == BREAKDOWN_CACHE ? slab_cache_name(space, &making->fields, va, name)
					     : linux_file_inode(space, &making->fields, va, &inode);
}

static int add_row(struct making *making, const struct pointer_sum *sum)
{
	struct breakdown_row *row = breakdown_add(making->to, making->err);

	if (!row)
		return -E2BIG;
	row->key = sum->key;
	row->figures[0] = sum->pages * PAGE_SIZE;
	row->figures[1] = sum->parts;
	return 0;
}

/* A row for each owner, and one for what has none. */
static int add_rows(struct making *making, const struct pointer_sums *sums)
{
	struct pointer_sum unknown = sums->none;
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < sums->size; i++) {
		const struct pointer_sum *sum = &sums->places[i];

		if (sum->key == 0)
			continue;
		if (is_owner(making, sum->key)) {
			result = add_row(making, sum);
		} else {
			unknown.pages += sum->pages;
			unknown.parts += sum->parts;
		}
	}
	unknown.key = 0;
	return result == 0 && unknown.pages ? add_row(making, &unknown) : result;
}

static int name_cache(const struct making *making, struct breakdown_row *row)
{
	char name[SLAB_NAME_SIZE];

	/* It may have gone meanwhile. */
	return slab_cache_name(&making->kernel->found.space, &making->fields, row->key, name)
		       ? breakdown_name(making->to, row, name, making->err)
		       : 0;
}

static int name_file(const struct making *making, struct breakdown_row *row)
{
	struct linux_file *file = malloc(sizeof(*file));
	int result = 0;

	if (!file)
		return error_set(making->err, -ENOMEM, "no memory for the name of a file");
	if (linux_file_of(&making->kernel->found.space, &making->fields, row->key, file)) {
		memcpy(row->group, file->type, sizeof(file->type));
		row->identity[0] = file->device;
		row->identity[1] = file->number;
		row->identity[2] = file->generation;
		if (file->is_deleted)
			strncat(file->path, " (deleted)",
				sizeof(file->path) - strlen(file->path) - 1);
		result = breakdown_name(making->to, row, file->path, making->err);
	}
	free(file);
	return result;
}
_Static_assert(FILE_TYPE_SIZE <= BREAKDOWN_GROUP_SIZE, "a file system's type is a group");

/* A guest may link names as long and as many as there are pages. */
#define NAMING_NS_MAX (20 * NS_PER_S)

static int name_rows(struct making *making)
{
	const uint64_t end = clock_now_ns() + NAMING_NS_MAX;
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < making->to->row_count; i++) {
		struct breakdown_row *row = &making->to->rows[i];

		if (clock_now_ns() >= end) {
			making->to->note = "it took too long: the smaller ones have no names";
			break;
		}
		if (row->key)
			result = making->by == BREAKDOWN_CACHE ? name_cache(making, row)
							       : name_file(making, row);
	}
	return result;
}

static int by_owner(struct making *making)
{
	struct gathering gathering = {.making = making};
	struct read_counters reads = {0};

	gathering.in = linux_guest_records(making->guest, NULL, pfn(0), 0);
	pointer_sums_begin(&gathering.sums, making->to->budget);
	error_set(making->err, 0, "the array went away during the look");
	int result = frame_walk(making->guest, DETAIL_RECORD, gather, &gathering, &reads);

	if (result == 0)
		result = add_rows(making, &gathering.sums);
	pointer_sums_end(&gathering.sums);
	return result;
}

static int add_process(void *own, const struct linux_process *process)
{
	struct making *making = own;

	if (!process->has_pages)
		return 0;
	struct breakdown_row *row = breakdown_add(making->to, making->err);

	if (!row)
		return -E2BIG;
	row->key = process->task;
	row->identity[0] = process->pid;
	row->identity[1] = process->start;
	row->figures[1] = process->pages[COUNTER_ANON] * PAGE_SIZE;
	row->figures[2] = process->pages[COUNTER_FILE] * PAGE_SIZE;
	row->figures[3] = process->pages[COUNTER_SHMEM] * PAGE_SIZE;
	row->figures[0] = row->figures[1] + row->figures[2] + row->figures[3];
	row->figures[4] = process->pages[COUNTER_SWAP] * PAGE_SIZE;
	row->figures[5] = process->pid;
	return breakdown_name(making->to, row, process->name, making->err);
}

static int by_process(struct making *making)
{
	bool is_complete;

	if (making->fields.counters.size == 0)
		return error_set(making->err, -ENODATA,
				 "the guest's kernel does not say what its processes have");
	int result = linux_processes(making->kernel, &making->fields, add_process, making,
				     &is_complete, making->err);

	if (result < 0)
		return result;
	if (!is_complete)
		making->to->note =
			"the list of processes changed while it was read: some are missing";
	if (making->fields.task_start.size == 0)
		making->to->matched_by = "pid alone: the kernel does not say when they began";
	return 0;
}

static bool add_zone(void *own, const struct linux_zone *zone)
{
	const struct kernel_space *space = &((struct making *)own)->kernel->found.space;
	struct making *making = own;
	const struct owner_fields *fields = &making->fields;
	uint64_t managed, present;
	char name[BREAKDOWN_GROUP_SIZE];

	if (!kernel_field_read(space, zone->va, &fields->zone_managed, &managed) ||
	    !kernel_field_read(space, zone->va, &fields->zone_present, &present) || present == 0)
		return true;
	struct breakdown_row *row = breakdown_add(making->to, making->err);

	if (!row)
		making->result = -E2BIG;
	else if (kernel_field_text(space, zone->va, &fields->zone_name, name, sizeof(name)))
		making->result = breakdown_name(making->to, row, name, making->err);
	if (making->result < 0)
		return false;
	row->key = zone->va;
	row->identity[0] = zone->node;
	row->figures[0] = present * PAGE_SIZE;
	row->figures[1] = managed * PAGE_SIZE;
	row->figures[2] = zone->free.free_frames * PAGE_SIZE;
	for (unsigned i = 0; i < GUEST_CPUS_MAX; i++)
		row->figures[3] += zone->free.cached[i] * PAGE_SIZE;
	row->figures[2] -= row->figures[3];
	row->figures[4] = zone->node;
	return true;
}

static int by_zone(struct making *making)
{
	struct error *err = making->err;

	if (making->fields.zone_managed.size == 0 || making->fields.zone_present.size == 0)
		return error_set(err, -ENODATA,
				 "the guest's kernel does not say what its zones have");
	int result = linux_zones(making->kernel, add_zone, making, err);

	return result < 0 ? -ENODATA : making->result;
}

static int by_block(struct making *making)
{
	return linux_breakdown_blocks(making->guest, making->to, making->err);
}

static int by_migrate_type(struct making *making)
{
	return linux_breakdown_types(making->guest, making->to, making->err);
}

#define ZONE_COLUMN_FREE 2

static const struct breakdown_column file_columns[] = {{"bytes", "MiB", BREAKDOWN_BYTES}},
				     cache_columns[] = {{"bytes", "MiB", BREAKDOWN_BYTES},
							{"slabs", "slabs", BREAKDOWN_NUMBER}},
				     process_columns[] = {{"bytes", "MiB", BREAKDOWN_BYTES},
							  {"anon_bytes", "anon", BREAKDOWN_BYTES},
							  {"file_bytes", "file", BREAKDOWN_BYTES},
							  {"shmem_bytes", "shmem", BREAKDOWN_BYTES},
							  {"swap_bytes", "swap", BREAKDOWN_BYTES},
							  {"pid", "pid", BREAKDOWN_ID}},
				     zone_columns[] = {
					     {"bytes", "MiB", BREAKDOWN_BYTES},
					     {"managed_bytes", "managed", BREAKDOWN_BYTES},
					     {"free_bytes", "free", BREAKDOWN_BYTES},
					     {"cached_bytes", "per CPU", BREAKDOWN_BYTES},
					     {"node", "node", BREAKDOWN_ID}};

#define COLUMNS(list) list, sizeof(list) / sizeof((list)[0])
static const struct {
	const struct breakdown_column *columns;
	unsigned count;
	const char *group_key, *note, *matched_by;
	bool has_lasting_names;
	int (*make)(struct making *making);
	int (*name)(
		struct making
			*making); /* names the rows that are listed; NULL: all have their names */
} ways[BREAKDOWN_COUNT] = {
	[BREAKDOWN_FILE] = {COLUMNS(file_columns), "filesystem",
			    "pages in the page cache, by the name that the guest remembers",
			    "file system, inode and its generation", false, by_owner, name_rows},
	[BREAKDOWN_CACHE] = {COLUMNS(cache_columns), NULL,
			     "caches that the kernel has merged have the name of one", "name", true,
			     by_owner, name_rows},
	[BREAKDOWN_PROCESS] = {COLUMNS(process_columns), NULL,
			       "as the kernel counts: what processes share counts in each",
			       "pid and start time", false, by_process, NULL},
	[BREAKDOWN_ZONE] = {COLUMNS(zone_columns), NULL, NULL, "node and name", true, by_zone,
			    NULL},
	[BREAKDOWN_PAGEBLOCK] = {COLUMNS(linux_block_columns), "zone",
				 "blocks of 2 MiB by how many pages of a class keep them; shared: "
				 "others do, too",
				 "zone and name", true, by_block, NULL},
	[BREAKDOWN_MIGRATETYPE] = {COLUMNS(linux_migrate_columns), "zone",
				   "page blocks of a type, and what is free on its lists, by the "
				   "size of the pieces",
				   "zone and name", true, by_migrate_type, NULL},
};

int linux_breakdown(const struct guest *guest, enum breakdown_by by, uint64_t limit,
		    struct breakdown *breakdown, struct error *err)
{
	struct making making = {.guest = guest,
				.kernel = &linux_guest_of(guest)->kernel,
				.by = by,
				.to = breakdown,
				.err = err};

	breakdown->columns = ways[by].columns;
	breakdown->column_count = ways[by].count;
	breakdown->group_key = ways[by].group_key;
	breakdown->note = ways[by].note;
	breakdown->matched_by = ways[by].matched_by;
	breakdown->has_lasting_names = ways[by].has_lasting_names;
	breakdown->is_of_boot = by == BREAKDOWN_PROCESS;
	/* A zone's size stays. */
	breakdown->compared = by == BREAKDOWN_ZONE ? ZONE_COLUMN_FREE : 0;
	if (!owner_fields_read(making.kernel, &making.fields))
		return error_set(err, -ENODATA,
				 "nothing says what the guest's kernel has where: %s",
				 making.kernel->no_layout.text);
	int result = ways[by].make(&making);

	if (result < 0)
		return result;
	breakdown_finish(breakdown, limit);
	return ways[by].name ? ways[by].name(&making) : 0;
}
