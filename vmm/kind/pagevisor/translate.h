/* SPDX-License-Identifier: MPL-2.0 */
/* Where the kernel maps a virtual address. */
#ifndef VMM_TRANSLATE_H
#define VMM_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"

/*
 * Walks the kernel's page table for one address, one entry a level, whatever the tables contain. Without `has_tables`,
 * the memory lacks them: then only the mappings count that the guest reports, of all RAM, of its image, and of the array.
 * Returns 0; -EINVAL with a text if nothing is mapped there; or -EFAULT with a text if the tables cannot be read.
 */
int translate(const struct guest_memory *memory, const struct guest_view *view, uint64_t va,
	      bool has_tables, paddr_t *pa, struct error *err);

#endif
