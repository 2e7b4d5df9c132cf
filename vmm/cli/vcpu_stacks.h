/* SPDX-License-Identifier: MPL-2.0 */
/* The stacks that vCPUs are on, for debuggers. */
#ifndef VMM_VCPU_STACKS_H
#define VMM_VCPU_STACKS_H

#include "kind/guest.h"
#include "memory/address_space.h"
#include "memory/machine_state.h"

/*
 * Adds to the guest's address space the stacks that the vCPUs are on, where these are mapped by page tables alone: a debugger
 * looks for callers there.
 */
void vcpu_stacks_add(const struct guest *guest, const struct machine_state *state,
		     struct address_space *space);

#endif
