/* SPDX-License-Identifier: MPL-2.0 */
/* Sections of struct pages: see sections.h. */
#include "kind/linux/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kind/linux/page_layout.h"

/* include/linux/mmzone.h of Linux: the low bits of section_mem_map. */
#define SECTION_MARKED_PRESENT (UINT64_C(1) << 0)
#define SECTION_HAS_MEM_MAP    (UINT64_C(1) << 1)
#define SECTION_IS_ONLINE      (UINT64_C(1) << 2)
#define SECTION_WANTED         (SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP | SECTION_IS_ONLINE)
#define SECTION_FLAGS_MASK     UINT64_C(0x7f)

/*
 * Sections are whole, so each end of a piece of RAM may have some records too many; and a memory may lack some of the
 * guest's. What goes far beyond is made up, to keep us busy.
 */
#define SURPLUS_SECTIONS 64

#define SECTION_RECORD_MAX 64 /* bytes of a struct mem_section: 16, or 32 with page extensions */
#define SECTION_BITS_MIN   24
#define SECTION_BITS_MAX   32

/* How the sections are kept, all from VMCOREINFO, checked. */
struct section_table {
	uint64_t roots; /* virtual address of the pointers to pages of sections */
	uint64_t root_count;
	uint64_t size;       /* of a struct mem_section */
	uint64_t map_offset; /* of section_mem_map in it */
	uint64_t per_root;
	uint64_t pages;              /* of RAM in a section */
	uint64_t online, online_max; /* sections so far; more than the latter are made up */
};

static int section_table_read(const struct vmcoreinfo *info, struct section_table *table,
			      struct error *err)
{
	int64_t bits;

	if (!vmcoreinfo_symbol(info, "mem_section", &table->roots) ||
	    !vmcoreinfo_length(info, "mem_section", &table->root_count) ||
	    !vmcoreinfo_size(info, "mem_section", &table->size) ||
	    !vmcoreinfo_offset(info, "mem_section.section_mem_map", &table->map_offset) ||
	    !vmcoreinfo_number(info, "SECTION_SIZE_BITS", &bits))
		return error_set(err, -EPROTO,
				 "its VMCOREINFO does not say where struct pages lie");
	if (bits < SECTION_BITS_MIN || bits > SECTION_BITS_MAX || table->size < 8 ||
	    table->size > SECTION_RECORD_MAX || table->map_offset > table->size - 8)
		return error_set(err, -EPROTO, "its VMCOREINFO has impossible sections");
	table->online = 0;
	table->per_root = PAGE_SIZE / table->size;
	table->pages = (UINT64_C(1) << bits) / PAGE_SIZE;
	return 0;
}

/* The end of the memory that a guest may have, in sections: what lies behind it is not looked at. */
static uint64_t sections_max(const struct section_table *table)
{
	uint64_t most = GUEST_MEMORY_MAX / PAGE_SIZE * 2 / table->pages;
	uint64_t all = table->root_count * table->per_root;

	return all < most ? all : most;
}

static bool is_in_one_region(const struct guest_memory *memory, paddr_t pa, uint64_t size)
{
	guest_memory_read_begin();
	bool is_there = memory_map_has(guest_memory_map(memory), pa, size);

	guest_memory_read_end();
	return is_there;
}

/* The bytes from pa on in its region; 0 if pa is not in this memory. */
static uint64_t left_in_region(const struct guest_memory *memory, paddr_t pa)
{
	guest_memory_read_begin();
	const struct memory_region *region = memory_map_find(guest_memory_map(memory), pa);
	uint64_t left = region ? region->size - (pa.addr - region->base.addr) : 0;

	guest_memory_read_end();
	return left;
}

/* Adds a run that lies in one region, to the last one if it goes on there. */
static int add_run(const struct guest_memory *memory, struct page_array *array,
		   const struct record_run *run, struct error *err)
{
	struct record_run *last = array->run_count ? &array->runs[array->run_count - 1] : NULL;

	if (guest_memory_is_copied(memory, run->pa, NULL))
		array->has_copied = true;
	else
		array->has_mapped = true;
	array->present += run->count;
	array->frame_count = run->first.index + run->count;
	if (last && last->first.index + last->count == run->first.index &&
	    last->pa.addr + last->count * LAYOUT_PAGE_SIZE == run->pa.addr &&
	    is_in_one_region(memory, last->pa, (last->count + run->count) * LAYOUT_PAGE_SIZE)) {
		last->count += run->count;
		return 0;
	}
	if (array->run_count == RECORD_RUNS_MAX)
		return error_set(err, -E2BIG, "its struct pages lie in more than %d pieces",
				 RECORD_RUNS_MAX);
	array->runs[array->run_count++] = *run;
	return 0;
}

/* Adds what one entry of the page tables maps; records that are not in this memory are left out. */
static int add_mapped(const struct guest_memory *memory, struct page_array *array, paddr_t pa,
		      uint64_t first, uint64_t count, struct error *err)
{
	int result = 0;

	while (result == 0 && count > 0) {
		uint64_t here = left_in_region(memory, pa) / LAYOUT_PAGE_SIZE;
		struct record_run run = {pa, pfn(first), here < count ? here : count};

		if (run.count == 0)
			return 0;
		result = add_run(memory, array, &run, err);
		pa.addr += run.count * LAYOUT_PAGE_SIZE;
		first += run.count;
		count -= run.count;
	}
	return result;
}

/* Adds the records of one section. What its tables do not map has none. */
static int add_section(const struct kernel_space *space, const struct page_section *section,
		       struct page_array *array, struct error *err)
{
	uint64_t first = section->number * section->frames, end = first + section->frames;

	while (first < end) {
		uint64_t length, count = PAGE_SIZE / LAYOUT_PAGE_SIZE;
		paddr_t pa;
		int result = kernel_space_translate(
			space, array->vmemmap + first * LAYOUT_PAGE_SIZE, &pa, &length);

		if (result == 0) {
			count = length / LAYOUT_PAGE_SIZE;
			count = count < end - first ? count : end - first;
			if (count == 0 || pa.addr % LAYOUT_PAGE_SIZE)
				return error_set(err, -EPROTO, "its struct pages are not aligned");
			result = add_mapped(space->memory, array, pa, first, count, err);
		} else if (result == -EINVAL || result == -EFAULT) {
			result = 0;
		} else {
			return error_set(err, result, "its page tables cannot be read");
		}
		if (result < 0)
			return result;
		first += count;
	}
	return 0;
}

/* One root: a page of sections, of which some are there. `count` are those from `first` on that count. */
static int visit_root(const struct kernel_space *space, struct section_table *table,
		      uint64_t root_va, uint64_t first, uint64_t count, page_section_visit *visit,
		      void *own, struct error *err)
{
	uint8_t root[PAGE_SIZE];
	int result = kernel_space_copy(space, root_va, root, count * table->size);

	if (result < 0)
		return error_set(err, result == -EINVAL || result == -EFAULT ? -EPROTO : result,
				 "its sections are not mapped");
	for (uint64_t i = 0; result == 0 && i < count; i++) {
		struct page_section section = {.number = first + i,
					       .frames = table->pages,
					       .record = root + i * table->size,
					       .record_size = table->size};

		memcpy(&section.map, root + i * table->size + table->map_offset,
		       sizeof(section.map));
		if ((section.map & SECTION_WANTED) != SECTION_WANTED)
			continue;
		if (++table->online > table->online_max)
			return error_set(err, -EPROTO, "it has more struct pages than memory");
		section.map &= ~SECTION_FLAGS_MASK;
		result = visit(own, &section, err);
	}
	return result;
}

static int visit_sections(const struct kernel_space *space, struct section_table *table,
			  page_section_visit *visit, void *own, struct error *err)
{
	uint64_t sections = sections_max(table);
	int result = 0;

	table->online_max = 2 * (guest_memory_size(space->memory) / PAGE_SIZE) / table->pages +
			    SURPLUS_SECTIONS;
	for (uint64_t first = 0; result == 0 && first < sections; first += table->per_root) {
		uint64_t left = sections - first, root;

		result =
			kernel_space_word(space, table->roots + first / table->per_root * 8, &root);
		if (result < 0)
			return error_set(err, -EPROTO, "its table of sections is not mapped");
		if (root)
			result = visit_root(space, table, root, first,
					    left < table->per_root ? left : table->per_root, visit,
					    own, err);
	}
	return result;
}

int page_sections(const struct kernel_space *space, const struct vmcoreinfo *info,
		  page_section_visit *visit, void *own, struct error *err)
{
	struct section_table table;
	int result = section_table_read(info, &table, err);

	return result < 0 ? result : visit_sections(space, &table, visit, own, err);
}

/* What the visitor of page_array_read fills. */
struct array_reading {
	const struct kernel_space *space;
	struct page_array *array;
};

static int add_array_section(void *own, const struct page_section *section, struct error *err)
{
	const struct array_reading *reading = own;
	struct page_array *array = reading->array;

	if (!kernel_space_is_kernel_va(reading->space, section->map) ||
	    section->map % LAYOUT_PAGE_SIZE || (array->vmemmap && array->vmemmap != section->map))
		return error_set(err, -EPROTO, "section %" PRIu64 " has no struct pages",
				 section->number);
	array->vmemmap = section->map;
	array->section_frames = section->frames;
	array->sections++;
	return add_section(reading->space, section, array, err);
}

int page_array_read(const struct kernel_space *space, const struct vmcoreinfo *info,
		    struct page_array *array, struct error *err)
{
	struct array_reading reading = {space, array};

	*array = (struct page_array){0};
	int result = page_sections(space, info, add_array_section, &reading, err);

	if (result == 0 && array->run_count == 0)
		return error_set(err, -EPROTO, "it has no struct pages");
	return result;
}
