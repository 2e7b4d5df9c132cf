/* SPDX-License-Identifier: MPL-2.0 */
/* Who maps pages: see mappers.h. The machine is stopped: all has to agree. */
#include "mappers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "kind/linux/kpageflags.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/mappings.h"
#include "kind/linux/page_mappers.h"
#include "kind/linux/page_owner.h"

#define KPF(name)      (UINT64_C(1) << KPF_##name)
#define PROCESSES_HERE 512

/* Pages whose mappings are looked for one page after the other, each in all page tables. */
#define SINGLE_PAGES 100

struct mapped {
	const struct left *left;
	const struct linux_kernel *kernel;
	struct owner_fields fields;
	uint64_t *found; /* mappings of each frame */
	uint64_t mappings, unconfirmed;
	struct {
		uint32_t pid;
		struct kernel_space space;
	} processes[PROCESSES_HERE];
	unsigned process_count;
};

static int count_mapping(void *own, const struct linux_mapping *mapping)
{
	struct mapped *mapped = own;
	const struct kernel_space *space = &mapped->processes[mapped->process_count].space;

	for (uint64_t i = 0; i < mapping->count; i++) {
		uint64_t pfn = mapping->first + i;

		mapped->mappings++;
		mapped->unconfirmed += !mapping_confirm(space, mapping->va + i * 4096, pfn);
		if (pfn < mapped->left->frames)
			mapped->found[pfn]++;
	}
	return 0;
}

static int count_process(void *own, const struct linux_process *process)
{
	struct mapped *mapped = own;
	struct mapping_walk walk = {.last = UINT64_MAX,
				    .tables_left = UINT64_MAX,
				    .visit = count_mapping,
				    .own = mapped};

	if (!process->memory || mapped->process_count == PROCESSES_HERE)
		return 0;
	mapped->processes[mapped->process_count].pid = process->pid;
	if (!process_space(&mapped->kernel->found.space, &mapped->fields, process->memory,
			   &mapped->processes[mapped->process_count].space))
		return -1;
	int result = process_mappings(&mapped->processes[mapped->process_count].space, &walk);

	mapped->process_count++;
	return result;
}

/* Pages that reverse maps are for. What drivers map themselves the kernel does not count. */
static bool is_counted(uint64_t flags)
{
	return flags & (KPF(ANON) | KPF(LRU) | KPF(HUGE)) && !(flags & KPF(SLAB));
}

/* Of each page of the machine: as many mappings as the kernel counts. */
static uint64_t compare_counts(const struct mapped *mapped)
{
	const uint64_t *flags = left_words(mapped->left, LEFT_FLAGS),
		       *counts = left_words(mapped->left, LEFT_COUNTS);
	uint64_t pages = 0, wrong = 0;

	for (uint64_t pfn = 0; pfn < mapped->left->frames; pfn++) {
		if (!is_counted(flags[pfn]) || left_has_changed(mapped->left, pfn))
			continue;
		pages += counts[pfn] > 0;
		if (counts[pfn] != mapped->found[pfn] && wrong++ == 0)
			printf("mapped: frame %#" PRIx64 ", %" PRIu64 " times here, %" PRIu64
			       " in kpagecount\n",
			       pfn, mapped->found[pfn], counts[pfn]);
	}
	printf("mapped       %" PRIu64 " pages by %" PRIu64 " entries of %u processes: %" PRIu64
	       " not as often as kpagecount has it, %" PRIu64 " unconfirmed\n",
	       pages, mapped->mappings, mapped->process_count, wrong, mapped->unconfirmed);
	return wrong + mapped->unconfirmed + (pages == 0);
}

static bool is_mapped_there(const struct mapped *mapped, const struct left_page *page)
{
	for (unsigned i = 0; i < mapped->process_count; i++)
		if (mapped->processes[i].pid == page->pid)
			return mapping_confirm(&mapped->processes[i].space, page->va, page->pfn);
	return false;
}

/* The page is in the page cache of the file that it names, at its index. */
static bool is_in_place(const struct mapped *mapped, const struct guest *guest,
			const struct left_page *page)
{
	const struct page_records in = linux_guest_records(guest, NULL, pfn(0), 0);
	uint64_t record[LAYOUT_PAGE_SIZE / sizeof(uint64_t)];
	struct page_owner owner, other;

	if (linux_kernel_record(mapped->kernel, pfn(page->pfn), record) < 0 ||
	    !page_owner_of(&in, page->pfn, record, PAGE_CLASS_FILE, &owner) ||
	    owner.index != page->index)
		return false;
	other = owner;
	other.index += UINT64_C(1) << 20;
	return page_owner_has_place(&in, &mapped->kernel->found.space, &mapped->fields, &owner,
				    page->pfn) &&
	       !page_owner_has_place(&in, &mapped->kernel->found.space, &mapped->fields, &other,
				     page->pfn);
}

/* As `show` looks for them. */
static bool is_found_alone(const struct mapped *mapped, const struct left_page *page)
{
	struct page_mappers mappers;
	struct error err;
	bool is_there = false;

	if (page_mappers_find(mapped->kernel, &mapped->fields, page->pfn, MAPPERS_TABLES_MAX,
			      &mappers, &err) < 0)
		return false;
	for (unsigned i = 0; i < mappers.count; i++)
		is_there |= mappers.list[i].pid == page->pid && mappers.list[i].va == page->va;
	is_there &= mappers.is_complete &&
		    mappers.found == left_words(mapped->left, LEFT_COUNTS)[page->pfn];
	page_mappers_free(&mappers);
	return is_there;
}

/* What the agent itself mapped, page by page. */
static uint64_t compare_listed(const struct mapped *mapped, const struct guest *guest,
			       enum left_id id)
{
	const struct left_record *record = &mapped->left->records[id];
	const struct left_page *pages = (const struct left_page *)(const void *)record->data;
	const uint64_t count = record->bytes / sizeof(*pages),
		       step = count / SINGLE_PAGES ? count / SINGLE_PAGES : 1;
	uint64_t wrong = 0, displaced = 0, lost = 0;

	for (uint64_t i = 0; i < count; i++) {
		const struct left_page *page = &pages[i];

		wrong += page->pfn >= mapped->left->frames || !is_mapped_there(mapped, page) ||
			 mapped->found[page->pfn] !=
				 left_words(mapped->left, LEFT_COUNTS)[page->pfn];
		displaced += id == LEFT_MAPPED && !is_in_place(mapped, guest, page);
		lost += i % step == 0 && !is_found_alone(mapped, page);
	}
	printf("mappers      %" PRIu64 " pages %s: %" PRIu64 " are mapped otherwise, %" PRIu64
	       " are not in their file, %" PRIu64 " not found one by one\n",
	       count, id == LEFT_ANON ? "of processes" : "of files", wrong, displaced, lost);
	return wrong + displaced + lost + (count < 3000);
}

uint64_t compare_mappers(const struct left *left, const struct guest *guest)
{
	static struct mapped mapped;
	bool is_complete;
	struct error err;
	uint64_t wrong;

	mapped.left = left;
	mapped.kernel = &linux_guest_of(guest)->kernel;
	mapped.found = calloc(left->frames, sizeof(*mapped.found));
	if (mapped.found == NULL || !owner_fields_read(mapped.kernel, &mapped.fields) ||
	    linux_processes(mapped.kernel, &mapped.fields, count_process, &mapped, &is_complete,
			    &err) < 0 ||
	    !is_complete) {
		printf("mappers: page tables of processes cannot be read\n");
		wrong = 1;
	} else {
		wrong = compare_counts(&mapped) + compare_listed(&mapped, guest, LEFT_ANON) +
			compare_listed(&mapped, guest, LEFT_MAPPED);
	}
	free(mapped.found);
	return wrong;
}
