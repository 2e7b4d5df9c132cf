/* SPDX-License-Identifier: MPL-2.0 */
/* One of our VMs as a source: its RAM is mapped read-only, and its VMM does what only the VMM can. */
#ifndef VMM_SOURCE_OWN_VM_H
#define VMM_SOURCE_OWN_VM_H

#include "attach/runtime_dir.h"
#include "attach/vm_name.h"
#include "base/error.h"
#include "source/source.h"

/* The VMs that can be connected to. */
struct vm_list {
	unsigned count;
	struct vm_id ids[RUNTIME_DIR_VMS_MAX];
};

/* Lists the user's VMs, including dead ones; none when there is no runtime directory. Returns 0 or a negative errno. */
int own_vm_list(struct vm_list *list, struct error *err);

/*
 * Attaches to a VM of the list. Returns 0 or a negative errno with a line of text, as attach_client_connect. Removes
 * the socket of a dead VM (-ECONNREFUSED).
 */
int own_vm_open(const struct vm_id *id, struct source *source, struct error *err);

/* Opens the VM that a name of source_open denotes. */
int own_vm_open_named(const char *name, struct source *source, struct error *err);

#endif
