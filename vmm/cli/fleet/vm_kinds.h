/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which kinds of VMs are in the list: all, or those that PAGEVISOR_LIST names, such as "vm,libvirt". It holds for ps,
 * for completion, and for names without a prefix; a prefix reaches every VM.
 */
#ifndef VMM_VM_KINDS_H
#define VMM_VM_KINDS_H

#include <stdbool.h>

/* In the order of precedence: of several with the same name, it denotes the first. */
enum vm_kind {
	VM_OURS,
	VM_DOMAIN,
	VM_QEMU,
	VM_KINDS,
};

bool vm_kind_is_listed(enum vm_kind kind);

/* Reads the variable. Returns false if it names something else. Called before threads start. */
bool vm_kinds_read(void);

#endif
