/* SPDX-License-Identifier: MPL-2.0 */
/* Which parts of a vCPU's state this host's KVM reads and sets. Found once, for each VM, before it runs. */
#ifndef VMM_STATE_FACTS_H
#define VMM_STATE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* More than KVM lists: some hundred. */
#define STATE_MSRS_MAX 1024

struct state_facts {
	bool has_sregs2;
	bool has_xcrs;
	bool has_debugregs;
	size_t xsave_size;
	unsigned msr_count;
	uint32_t msrs[STATE_MSRS_MAX]; /* that hold state of the guest, without the TSC */
};

/* Returns 0 or a negative errno. */
int state_facts_read(struct state_facts *facts, int kvm_fd, int vm_fd, struct error *err);

bool state_facts_has_msr(const struct state_facts *facts, uint32_t index);

#endif
