/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Finds the Linux kernels in a memory, and which of them is alive: kernels that died before a reset, or were left by
 * kexec, stay behind, with tables that still translate. A guest's user can fake all of it, so of several that live none
 * is chosen.
 */
#ifndef VMM_LINUX_KERNEL_FIND_H
#define VMM_LINUX_KERNEL_FIND_H

#include <stdint.h>

#include "base/error.h"
#include "kind/linux/kernel_candidate.h"
#include "kind/linux/kernel_life.h"

struct guest_hints;

/* How long a kernel's clock may stand still before it is taken for dead: an idle guest has no tick. */
#define KERNEL_TICK_WAIT_NS UINT64_C(3000000000)

/*
 * Validates a VMCOREINFO: its page tables map themselves where it says, and its release stands at init_uts_ns, read
 * through them. Sets `space` and `phys_base`. Returns 0, or -EPROTO with a text.
 */
int kernel_validate(const struct guest_memory *memory, const struct vmcoreinfo *info,
		    struct kernel_space *space, int64_t *phys_base, struct error *err);

/*
 * Finds the kernels in a memory, or, with hints->has_info, the one whose VMCOREINFO is there; equal ones, which kexec
 * makes, count as one. If vCPUs are known to run one or more, only those are kept. Then it waits until their clocks
 * advance, up to wait_ns; 0, or memory that never changes: it does not wait. `hints` may be NULL. Returns how many, 0 included; then the text says why, and is empty if there is nothing
 * of Linux. Or the error of reading, -ENOMEM, or -E2BIG if there are more than max, with a text. The caller closes the
 * candidates; after an error there are none.
 */
int kernel_find(const struct guest_memory *memory, const struct guest_hints *hints,
		uint64_t wait_ns, struct kernel_candidate *candidates, unsigned max,
		struct error *err);

/*
 * Whether a kernel that was chosen is still the one: its VMCOREINFO is unchanged in its place, and validates. Returns 0,
 * -ESTALE with a text, or the error of reading.
 */
int kernel_still_there(const struct kernel_candidate *candidate, struct error *err);

#endif
