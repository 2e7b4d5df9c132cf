/* SPDX-License-Identifier: MPL-2.0 */
/* The attached VMs, of all kinds: a list that belongs to one thread. */
#ifndef VMM_VM_SET_H
#define VMM_VM_SET_H

#include "base/error.h"
#include "cli/fleet/attached_vm.h"

#define VM_SET_MAX 1024

/* Starts as zeroes. */
struct vm_set {
	unsigned count;
	struct attached_vm *vms[VM_SET_MAX]; /* in any order */
};

/* Opens the source of a new VM. Returns 0 or a negative errno with a line of text; then nothing is open. */
typedef int vm_open_function(void *context, struct source *source, struct error *err);

/*
 * Opens a VM under a key of up to VM_KEY_SIZE - 1 bytes. Any thread that is registered with liburcu. Returns 0; -EINVAL
 * the key is empty or too long; -ENOMEM; or what `open` returned. On failure nothing is open.
 */
int attached_vm_open(const char *key, vm_open_function *open, void *context,
		     struct attached_vm **opened, struct error *err);
void attached_vm_close(struct attached_vm *vm);

bool vm_set_has(const struct vm_set *set, const char *key);

/*
 * Adds an open VM, which belongs to the set from then on. Returns 0; -EEXIST its key is taken; -ENOSPC there are
 * VM_SET_MAX VMs. On failure the VM is closed, and the set is unchanged.
 */
int vm_set_add(struct vm_set *set, struct attached_vm *vm, struct error *err);

/* Closes the VMs that have ended, among those whose keys begin with a prefix. */
void vm_set_remove_ended(struct vm_set *set, const char *prefix);

/* Closes all. */
void vm_set_clear(struct vm_set *set);

#endif
