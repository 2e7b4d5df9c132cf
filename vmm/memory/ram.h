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
 * Makes zeroed RAM of `size` bytes in whole pages and adds it to an empty memory. The RAM is sparse: pages are
 * allocated when touched. What does not fit below LOW_RAM_MAX continues at HIGH_RAM_BASE; in the file it follows
 * directly. The file can neither shrink nor grow, but holes can be punched. Returns its descriptor, which the caller
 * owns, or a negative errno; regions already added by then are freed with the memory.
 */
int ram_create(struct guest_memory *memory, uint64_t size, struct error *err);

#endif
