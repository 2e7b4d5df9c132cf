/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of one of our VMs: one memfd, mapped as regions. */
#ifndef VMM_RAM_H
#define VMM_RAM_H

#include <stdint.h>

#include "base/error.h"
#include "memory/guest_memory.h"

#define VM_MEMORY_MIN (UINT64_C(16) << 20)
#define VM_MEMORY_MAX (UINT64_C(64) << 30)

/*
 * Makes zeroed RAM of `size` bytes in whole pages (sparse: memory is taken when touched) and adds it to an empty
 * memory: what does not fit below LOW_RAM_MAX continues at HIGH_RAM_BASE, and in the file right behind the rest. The
 * file cannot shrink. Returns its descriptor, the caller's, or a negative errno; regions that were added until then
 * go with the memory.
 */
int ram_create(struct guest_memory *memory, uint64_t size, struct error *err);

#endif
