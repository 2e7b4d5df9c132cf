/* SPDX-License-Identifier: MPL-2.0 */
/* The attached VMs: see vm_set.h. */
#include "cli/fleet/vm_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void attached_vm_close(struct attached_vm *vm)
{
	type_cache_clear(&vm->types);
	source_close(&vm->source);
	free(vm);
}

int attached_vm_open(const char *key, vm_open_function *open, void *context,
		     struct attached_vm **opened, struct error *err)
{
	if (key[0] == '\0' || strlen(key) >= VM_KEY_SIZE)
		return error_set(err, -EINVAL, "a VM's key has 1 to %d bytes", VM_KEY_SIZE - 1);
	struct attached_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return error_set(err, -ENOMEM, "no memory for another VM");
	strcpy(vm->key, key);
	int result = open(context, &vm->source, err);

	if (result < 0)
		free(vm);
	else
		*opened = vm;
	return result;
}

bool vm_set_has(const struct vm_set *set, const char *key)
{
	for (unsigned i = 0; i < set->count; i++)
		if (strcmp(set->vms[i]->key, key) == 0)
			return true;
	return false;
}

int vm_set_add(struct vm_set *set, struct attached_vm *vm, struct error *err)
{
	int result = 0;

	if (vm_set_has(set, vm->key))
		result = error_set(err, -EEXIST, "the VM %s is attached already", vm->key);
	else if (set->count == VM_SET_MAX)
		result = error_set(err, -ENOSPC, "more than %d VMs", VM_SET_MAX);
	if (result < 0)
		attached_vm_close(vm);
	else
		set->vms[set->count++] = vm;
	return result;
}

void vm_set_remove_ended(struct vm_set *set, const char *prefix)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < set->count; i++) {
		struct attached_vm *vm = set->vms[i];

		if (strncmp(vm->key, prefix, strlen(prefix)) == 0 && source_has_ended(&vm->source))
			attached_vm_close(vm);
		else
			set->vms[kept++] = vm;
	}
	set->count = kept;
}

void vm_set_clear(struct vm_set *set)
{
	while (set->count > 0)
		attached_vm_close(set->vms[--set->count]);
}
