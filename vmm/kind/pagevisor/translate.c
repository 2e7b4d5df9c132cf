/* SPDX-License-Identifier: MPL-2.0 */
/* Where the kernel maps a virtual address: see translate.h. */
#include "kind/pagevisor/translate.h"

#include <errno.h>
#include <inttypes.h>

#include <pagevisor/slot.h>
#include <pagevisor/x86.h>

#define SIGN_BIT 47 /* of 4-level paging: all bits above are copies of it */

static bool is_canonical(uint64_t va)
{
	uint64_t high = va >> SIGN_BIT;

	return high == 0 || high == UINT64_MAX >> SIGN_BIT;
}

static int not_mapped(uint64_t va, struct error *err)
{
	return error_set(err, -EINVAL, "nothing is mapped at the virtual address %#" PRIx64, va);
}

/* Whether va lies in a mapping of `size` bytes from base_va, base_pa on. */
static bool map_by(uint64_t va, uint64_t base_va, paddr_t base_pa, uint64_t size, paddr_t *pa)
{
	uint64_t offset = va - base_va;

	*pa = paddr(base_pa.addr + offset);
	return base_va && offset < size;
}

static int by_report(const struct guest_view *view, uint64_t va, paddr_t *pa, struct error *err)
{
	uint64_t image = view->kernel_end.addr - view->kernel_start.addr;

	if (map_by(va, view->linear_va, paddr(0), view->slot_count * PAGE_SIZE, pa) ||
	    map_by(va, view->array_va, view->array, view->slot_count * SLOT_SIZE, pa) ||
	    map_by(va, view->kernel_start.addr + view->va_offset, view->kernel_start, image, pa))
		return 0;
	return error_set(err, -EINVAL,
			 "%#" PRIx64 " is none of the addresses that are known without page "
			 "tables, which are not in a capture of the metadata alone",
			 va);
}

int translate(const struct guest_memory *memory, const struct guest_view *view, uint64_t va,
	      bool has_tables, paddr_t *pa, struct error *err)
{
	paddr_t table = view->page_table;

	if (!is_canonical(va))
		return error_set(err, -EINVAL, "%#" PRIx64 " is not a canonical address", va);
	if (!has_tables || table.addr == 0)
		return by_report(view, va, pa, err);
	for (unsigned level = PT_LEVELS - 1;; level--) {
		uint64_t index = va / pt_entry_size(level) % PT_ENTRIES, entry;
		paddr_t at = paddr(align_down(table.addr, PAGE_SIZE) + index * sizeof(entry));

		if (guest_memory_copy(memory, at, &entry, sizeof(entry)) < 0)
			return error_set(err, -EFAULT,
					 "the page table at %#" PRIx64 " is not in the guest's RAM",
					 table.addr);
		if (!(entry & PTE_PRESENT))
			return not_mapped(va, err);
		table = paddr(entry & PTE_ADDRESS_MASK);
		if (level > 0 && !(entry & PTE_LARGE))
			continue;
		/* The root has no large pages. */
		if (level == PT_LEVELS - 1)
			return not_mapped(va, err);
		*pa = paddr(align_down(table.addr, pt_entry_size(level)) +
			    va % pt_entry_size(level));
		return 0;
	}
}
