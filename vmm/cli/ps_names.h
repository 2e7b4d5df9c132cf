/* SPDX-License-Identifier: MPL-2.0 */
/* The names of VMs, for `pagevisor ps --names` and for completion, from names of files alone. */
#ifndef VMM_PS_NAMES_H
#define VMM_PS_NAMES_H

#include <stdint.h>

#include "base/error.h"

/*
 * Calls `each` for each of the user's VMs, with its process, for each domain that libvirt runs on this machine, with 0, and
 * for each QEMU, with 0, as qemu:PID and by its own name if it has one. Connects to nobody, so none of them can hold it
 * up. Some may not answer, and domains and QEMUs may run other guests.
 * Returns 0 or a negative errno when the user's VMs are not known.
 */
int vm_names(void (*each)(void *own, const char *name, uint32_t pid), void *own, struct error *err);

/* The same for the VMs that `run` has started alone. */
int own_vm_names(void (*each)(void *own, const char *name, uint32_t pid), void *own,
		 struct error *err);

/* Prints a line for each, with its name, a tab, and its process if it has one. Returns the exit status. */
int ps_names(void);

#endif
