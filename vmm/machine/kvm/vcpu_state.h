/* SPDX-License-Identifier: MPL-2.0 */
/* The state of one vCPU that is outside of the guest, as parts of a saved machine. */
#ifndef VMM_VCPU_STATE_H
#define VMM_VCPU_STATE_H

#include <stdint.h>

#include "base/error.h"
#include "machine/kvm/state_facts.h"
#include "machine/kvm/vcpu.h"
#include "memory/machine_state.h"

/* Adds its parts. `host_tsc` is the host's TSC at the instant that counts as that of saving. */
int vcpu_state_get(const struct vcpu *vcpu, const struct state_facts *facts, uint64_t host_tsc,
		   struct machine_state *state, struct error *err);

/* Whether all parts of that vCPU are there and fit this host, whose CPUID the vCPU has. Changes nothing. */
int vcpu_state_check(const struct vcpu *vcpu, const struct state_facts *facts,
		     const struct machine_state *state, struct error *err);

/*
 * Sets what was checked, before the vCPU has run. The guest's TSC goes on from the instant of saving as of `host_tsc`; where KVM
 * cannot do that, *is_late is set, and the time since then passes in the guest. On failure the vCPU is of no more use: -ENOTSUP
 * time would run backwards.
 */
int vcpu_state_set(struct vcpu *vcpu, const struct state_facts *facts, uint64_t host_tsc,
		   const struct machine_state *state, bool *is_late, struct error *err);

#endif
