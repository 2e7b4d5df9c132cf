/* SPDX-License-Identifier: MPL-2.0 */
/* The state of a VM outside of its RAM, without its devices: read in a pause, loaded into a new VM before it runs. */
#ifndef VMM_VM_STATE_H
#define VMM_VM_STATE_H

#include "base/error.h"
#include "machine/kvm/vm.h"
#include "memory/machine_state.h"

/* In a pause, which no vCPU leaves meanwhile. Returns -ESHUTDOWN if the run has ended: nobody could go on from there. */
int vm_state_get(struct vm *vm, struct machine_state *state, struct error *err);

/*
 * Loads what another VM of as many vCPUs and as much memory was saved as. Checks all of it before anything is changed: -EPROTO
 * what it says cannot be, -ENOTSUP this host cannot go on with it. If KVM refuses something later, the VM is of no more use.
 */
int vm_state_set(struct vm *vm, const struct machine_state *state, struct error *err);

#endif
