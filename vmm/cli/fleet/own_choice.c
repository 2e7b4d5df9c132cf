/* SPDX-License-Identifier: MPL-2.0 */
/* One of our VMs: see own_choice.h. */
#include "cli/fleet/own_choice.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cli/fleet/vm_choice.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/qemu/qemu_source.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static int check_kind(const char *name, const struct own_choice_refusals *refusals,
		      struct error *err)
{
	if (has_prefix(name, LIBVIRT_PREFIX))
		return error_set(err, -EINVAL, "%s %s", name, refusals->domain);
	if (has_prefix(name, QEMU_SOURCE_PREFIX))
		return error_set(err, -EINVAL, "%s %s", name, refusals->qemu);
	if (!source_name_is_plain(name) && !has_prefix(name, OWN_VM_PREFIX) &&
	    !has_prefix(name, OWN_VM_PID_PREFIX))
		return error_set(err, -EINVAL, "%s is a capture, and no VM that runs", name);
	return 0;
}

int own_choice_make(const char *name, const struct own_choice_refusals *refusals, struct vm_id *id,
		    struct error *err)
{
	struct vm_choice choice;
	int result = vm_choice_make(&choice, &name, 1, &(struct confinement){0}, err);

	if (result == 0)
		result = check_kind(name, refusals, err);
	return result == 0 ? own_vm_find(name, id, err) : result;
}
