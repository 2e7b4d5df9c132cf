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
 * Opens a VM and adds it under its key, of up to VM_KEY_SIZE - 1 bytes. Returns 0; -EEXIST the key is taken; -ENOSPC
 * there are VM_SET_MAX VMs; -EINVAL the key is empty or too long; -ENOMEM; or what `open` returned. On failure the set
 * is unchanged, and nothing is open.
 */
int vm_set_add(struct vm_set *set, const char *key, vm_open_function *open, void *context,
	       struct error *err);

/* Closes the VMs that have ended, among those whose keys begin with a prefix. */
void vm_set_remove_ended(struct vm_set *set, const char *prefix);

/* Closes all. */
void vm_set_clear(struct vm_set *set);

#endif
