/* SPDX-License-Identifier: MPL-2.0 */
/* Where a Linux kernel maps memory in a row: see linear_map.h. */
#include "kind/linux/linear_map.h"

/* Where the linear mapping begins without KASLR (Documentation/arch/x86/x86_64/mm.rst). */
#define LINEAR_BASE_4 UINT64_C(0xffff888000000000)
#define LINEAR_BASE_5 UINT64_C(0xff11000000000000)

/* Where the page tables map all memory. They do map a page of the kernel's own there. */
static bool find_linear(const struct linux_kernel *kernel, uint64_t *va)
{
	const struct kernel_space *space = &kernel->found.space;
	const paddr_t known = kernel->found.info.at;
	paddr_t pa;

	*va = space->levels == KERNEL_LEVELS_MAX ? LINEAR_BASE_5 : LINEAR_BASE_4;
	if (kernel->symbols.page_offset_base &&
	    kernel_space_word(space, kernel->symbols.page_offset_base, va) < 0)
		return false;
	return kernel_space_translate(space, *va + known.addr, &pa, NULL) == 0 &&
	       pa.addr == known.addr;
}

static void add_image(const struct linux_kernel *kernel, struct address_space *space)
{
	const uint64_t end = kernel->symbols.image_end;
	uint64_t start;

	if (!vmcoreinfo_symbol(&kernel->found.info, "_stext", &start) || start < KERNEL_MAP_BASE ||
	    end < start)
		return;
	start = align_down(start, PAGE_SIZE);
	address_space_add(space, start,
			  paddr(start - KERNEL_MAP_BASE + (uint64_t)kernel->found.phys_base),
			  end - start);
}

void linux_address_space(const struct linux_kernel *kernel, struct address_space *space)
{
	const struct page_array *array = &kernel->array;
	uint64_t linear;

	if (find_linear(kernel, &linear))
		address_space_set_linear(space, linear);
	add_image(kernel, space);
	for (unsigned i = 0; i < array->run_count; i++)
		address_space_add(space,
				  array->vmemmap + array->runs[i].first.index * LAYOUT_PAGE_SIZE,
				  array->runs[i].pa, array->runs[i].count * LAYOUT_PAGE_SIZE);
}
