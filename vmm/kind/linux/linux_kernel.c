/* SPDX-License-Identifier: MPL-2.0 */
/* Opening a kernel: see linux_kernel.h. */
#include "kind/linux/linux_kernel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <bpf/btf.h>

#include "kind/linux/linux_btf.h"

/* Which symbol goes where. */
#define WANTED(symbol, member)                                                                     \
	{                                                                                          \
		symbol, offsetof(struct linux_symbols, member)                                     \
	}
static const struct {
	const char *name;
	size_t offset;
} wanted[] = {
	WANTED("__start_BTF", btf_start),
	WANTED("__stop_BTF", btf_stop),
	WANTED("jiffies_64", jiffies_64),
	WANTED("nr_cpu_ids", nr_cpu_ids),
	WANTED("__cpu_online_mask", cpu_online_mask),
	WANTED("__per_cpu_offset", per_cpu_offset),
	WANTED("vm_event_states", vm_event_states),
	WANTED("init_task", init_task),
	WANTED("slab_caches", slab_caches),
	WANTED("runqueues", runqueues),
	WANTED("vmalloc_base", vmalloc_base),
	WANTED("page_offset_base", page_offset_base),
	WANTED("_end", image_end),
};
#define WANTED_COUNT (sizeof(wanted) / sizeof(wanted[0]))

static void find_symbols(struct linux_kernel *kernel, const struct kallsyms *table)
{
	struct kallsyms_symbol symbols[WANTED_COUNT] = {{0}};

	for (size_t i = 0; i < WANTED_COUNT; i++)
		symbols[i].name = wanted[i].name;
	kallsyms_find(table, symbols, WANTED_COUNT);
	for (size_t i = 0; i < WANTED_COUNT; i++)
		memcpy((char *)&kernel->symbols + wanted[i].offset, &symbols[i].va,
		       sizeof(symbols[i].va));
}

static int open_btf(struct linux_kernel *kernel, const struct kernel_image *image,
		    struct error *err)
{
	uint64_t start = kernel->symbols.btf_start, stop = kernel->symbols.btf_stop;
	const uint8_t *blob = start && start % 4 == 0 && stop > start
				      ? kernel_image_at(image, start, stop - start)
				      : NULL;

	return blob ? linux_btf_open(blob, stop - start, &kernel->btf, err)
		    : error_set(err, -ENODATA, "it has no BTF");
}

static int read_layout(struct linux_kernel *kernel, struct error *err)
{
	if (kernel->btf && page_layout_from_btf(kernel->btf, &kernel->found.info, &kernel->layout,
						&kernel->no_layout) == 0)
		return 0;
	return page_layout_from_vmcoreinfo(&kernel->found.info, &kernel->layout, err);
}

int linux_kernel_open(struct linux_kernel *kernel, struct kernel_candidate *candidate,
		      struct error *err)
{
	*kernel = (struct linux_kernel){.memory = candidate->space.memory};
	int result = kernel_candidate_open(candidate, &kernel->no_symbols);

	kernel->found = *candidate;
	kernel->found.symbols = NULL;
	if (result == 0) {
		find_symbols(kernel, &candidate->symbols->table);
		open_btf(kernel, &candidate->symbols->image, &kernel->no_layout);
	} else {
		kernel->no_layout = kernel->no_symbols;
	}
	result = read_layout(kernel, err);
	if (result == 0)
		result = page_array_read(&kernel->found.space, &kernel->found.info, &kernel->array,
					 err);
	page_block_layout_read(kernel->btf, &kernel->blocks.layout);
	if (result == 0)
		result = page_blocks_read(&kernel->found.space, &kernel->found.info,
					  kernel->array.frame_count, &kernel->blocks, err);
	if (result < 0)
		linux_kernel_close(kernel);
	return result;
}

void linux_kernel_close(struct linux_kernel *kernel)
{
	btf__free(kernel->btf);
	kernel->btf = NULL;
	page_blocks_free(&kernel->blocks);
}

unsigned linux_cpus_max(const struct linux_kernel *kernel)
{
	uint32_t cpus;

	if (!kernel->symbols.nr_cpu_ids ||
	    kernel_space_copy(&kernel->found.space, kernel->symbols.nr_cpu_ids, &cpus,
			      sizeof(cpus)) < 0)
		return 0;
	return cpus <= LINUX_CPUS_MAX ? cpus : 0;
}

/* The runs are in frame order. */
static const struct record_run *run_of(const struct page_array *array, pfn_t frame)
{
	unsigned low = 0, high = array->run_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct record_run *run = &array->runs[middle];

		if (frame.index < run->first.index)
			high = middle;
		else if (frame.index - run->first.index >= run->count)
			low = middle + 1;
		else
			return run;
	}
	return NULL;
}

/* Where the record of a frame lies. Returns false if there is none. */
static bool find_record(const struct linux_kernel *kernel, pfn_t frame, paddr_t *pa)
{
	const struct record_run *run = run_of(&kernel->array, frame);

	if (run)
		*pa = paddr(run->pa.addr + (frame.index - run->first.index) * LAYOUT_PAGE_SIZE);
	return run;
}

int linux_kernel_record(const struct linux_kernel *kernel, pfn_t frame, void *record)
{
	paddr_t pa;

	if (!find_record(kernel, frame, &pa))
		return -ENOENT;
	return guest_memory_copy(kernel->memory, pa, record, LAYOUT_PAGE_SIZE);
}

int linux_kernel_records(const struct linux_kernel *kernel, pfn_t frame, void *records,
			 pfn_t *first, uint64_t *count)
{
	const struct record_run *run = run_of(&kernel->array, frame);

	if (!run)
		return -ENOENT;
	const uint64_t at = (frame.index - run->first.index) * LAYOUT_PAGE_SIZE;
	const uint64_t in_page = (run->pa.addr + at) % PAGE_SIZE;
	const uint64_t from = at > in_page ? at - in_page : 0;
	uint64_t end = at - in_page + PAGE_SIZE;

	if (end > run->count * LAYOUT_PAGE_SIZE)
		end = run->count * LAYOUT_PAGE_SIZE;
	*first = pfn(run->first.index + from / LAYOUT_PAGE_SIZE);
	*count = (end - from) / LAYOUT_PAGE_SIZE;
	return guest_memory_copy(kernel->memory, paddr(run->pa.addr + from), records,
				 *count * LAYOUT_PAGE_SIZE);
}

bool linux_kernel_page_of_node(const struct linux_kernel *kernel, uint64_t node, uint64_t *pfn)
{
	uint64_t offset = node - kernel->layout.lru_next.offset - kernel->array.vmemmap;

	*pfn = offset / LAYOUT_PAGE_SIZE;
	return offset % LAYOUT_PAGE_SIZE == 0 && *pfn < kernel->array.frame_count;
}

int linux_kernel_mapped_record(const struct linux_kernel *kernel, pfn_t frame, void *record)
{
	paddr_t pa;

	if (!find_record(kernel, frame, &pa))
		return -ENOENT;
	if (guest_memory_is_copied(kernel->memory, pa, NULL))
		return -EAGAIN;
	return guest_memory_copy(kernel->memory, pa, record, LAYOUT_PAGE_SIZE);
}
