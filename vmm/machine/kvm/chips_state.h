/* SPDX-License-Identifier: MPL-2.0 */
/* The state of what KVM emulates for all vCPUs: two PICs, the IOAPIC, the PIT and the clock, as parts of a saved machine. */
#ifndef VMM_CHIPS_STATE_H
#define VMM_CHIPS_STATE_H

#include "base/error.h"
#include "memory/machine_state.h"

int chips_state_get(int vm_fd, struct machine_state *state, struct error *err);

/* Whether all parts are there. Changes nothing. */
int chips_state_check(const struct machine_state *state, struct error *err);

/* Sets what was checked, once all vCPUs have their TSC: KVM's clock counts from it. */
int chips_state_set(int vm_fd, const struct machine_state *state, struct error *err);

#endif
