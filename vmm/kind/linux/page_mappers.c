/* SPDX-License-Identifier: MPL-2.0 */
/* Who maps a page: see page_mappers.h. */
#include "kind/linux/page_mappers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/printable.h"
#include "kind/linux/mappings.h"

#define PRINTED_MAX 8

/* A first allocation of the list; it is doubled. */
#define LIST_FIRST 16

struct search {
	const struct linux_kernel *kernel;
	const struct owner_fields *fields;
	uint64_t pfn;
	struct mapping_walk walk;
	struct kernel_space space;           /* of the process that is looked at */
	const struct linux_process *process; /* likewise */
	struct page_mappers *to;
	unsigned room;
};

static int make_room(struct search *search)
{
	unsigned room = search->room ? 2 * search->room : LIST_FIRST;
	struct page_mapper *list;

	if (search->to->count < search->room)
		return 0;
	list = reallocarray(search->to->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	search->to->list = list;
	search->room = room;
	return 0;
}

static int add(void *own, const struct linux_mapping *mapping)
{
	struct search *search = own;
	struct page_mappers *to = search->to;
	uint64_t va = mapping->va + (search->pfn - mapping->first) * PAGE_SIZE;

	/* Takes as long as reading a table, and a hostile guest may have each entry map the page. */
	if (search->walk.tables_left == 0)
		return -E2BIG;
	search->walk.tables_left--;
	if (!mapping_confirm(&search->space, va, search->pfn))
		return 0;
	to->found++;
	if (to->count == MAPPERS_MAX)
		return 0;
	if (make_room(search) < 0)
		return -ENOMEM;
	struct page_mapper *mapper = &to->list[to->count++];

	*mapper = (struct page_mapper){
		.memory = search->process->memory, .va = va, .pid = search->process->pid};
	printable_copy(mapper->name, sizeof(mapper->name), search->process->name);
	return 0;
}

/* Two processes may share one memory until one of them executes something else (vfork). */
static bool is_listed(const struct page_mappers *mappers, uint64_t memory)
{
	for (unsigned i = 0; i < mappers->count; i++)
		if (mappers->list[i].memory == memory)
			return true;
	return false;
}

static int look_at(void *own, const struct linux_process *process)
{
	struct search *search = own;

	if (!process->memory)
		return 0;
	search->process = process;
	if (!is_listed(search->to, process->memory) &&
	    process_space(&search->kernel->found.space, search->fields, process->memory,
			  &search->space)) {
		int result = process_mappings(&search->space, &search->walk);

		if (result < 0)
			return result;
	}
	search->to->processes++;
	return 0;
}

int page_mappers_find(const struct linux_kernel *kernel, const struct owner_fields *fields,
		      uint64_t pfn, uint64_t tables_max, struct page_mappers *mappers,
		      struct error *err)
{
	/* What they count is of no use here, and takes time. */
	struct owner_fields uncounted = *fields;
	struct search search = {.kernel = kernel, .fields = &uncounted, .pfn = pfn, .to = mappers};

	uncounted.counters.size = 0;
	search.walk = (struct mapping_walk){
		.first = pfn, .last = pfn, .tables_left = tables_max, .visit = add, .own = &search};
	*mappers = (struct page_mappers){0};
	if (fields->memory_tables.size == 0)
		return error_set(err, -ENODATA,
				 "the guest's kernel does not say where its page tables are");
	int result =
		linux_processes(kernel, &uncounted, look_at, &search, &mappers->is_complete, err);

	if (result == -ENOMEM)
		return error_set(err, result, "no memory for those that map a page");
	mappers->is_bounded = result == -E2BIG;
	mappers->is_known = result == 0 || mappers->is_bounded;
	return mappers->is_known ? 0 : result;
}

void page_mappers_free(struct page_mappers *mappers)
{
	free(mappers->list);
	*mappers = (struct page_mappers){0};
}

void page_mappers_print(const struct page_mappers *mappers, FILE *out)
{
	for (unsigned i = 0; i < mappers->count && i < PRINTED_MAX; i++)
		fprintf(out, "%-9s %s, process %" PRIu32 ", at 0x%" PRIx64 "\n", i == 0 ? "by" : "",
			mappers->list[i].name, mappers->list[i].pid, mappers->list[i].va);
	if (mappers->found > PRINTED_MAX)
		fprintf(out, "%-9s and %" PRIu64 " more\n", "", mappers->found - PRINTED_MAX);
	if (mappers->is_bounded)
		fprintf(out,
			"%-9s (%" PRIu64
			" processes were looked at: those that follow have too many page tables)\n",
			"", mappers->processes);
	else if (mappers->is_known && !mappers->is_complete)
		fprintf(out,
			"%-9s (the list of processes changed while it was read: some are missing)\n",
			"");
}

struct json_object *page_mappers_json(const struct page_mappers *mappers)
{
	json *object = json_object_new_object(), *list = json_object_new_array();

	json_add_number(object, "found_count", mappers->found);
	json_add_flag(object, "is_complete", mappers->is_complete);
	json_add_number(object, "processes", mappers->processes);
	for (unsigned i = 0; i < mappers->count; i++) {
		json *mapper = json_object_new_object();

		json_add_number(mapper, "pid", mappers->list[i].pid);
		json_add_text(mapper, "process", mappers->list[i].name);
		json_add_hex(mapper, "va", mappers->list[i].va);
		json_object_array_add(list, mapper);
	}
	json_add(object, "list", list);
	return object;
}
