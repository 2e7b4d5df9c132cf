/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The VMs that a name without a prefix may mean, and which of them it does. Pure: who fills the list looks for them.
 *
 * If VMs of different kinds share a name, our VM takes precedence over a libvirt domain, and a domain over a QEMU. If VMs of
 * the same kind share it, the name is ambiguous, and the error lists what to type for each.
 */
#ifndef VMM_VM_CANDIDATES_H
#define VMM_VM_CANDIDATES_H

#include "base/error.h"
#include "cli/fleet/attached_vm.h"
#include "cli/fleet/vm_kinds.h"

struct vm_candidate {
	enum vm_kind kind;
	char name[sizeof(((struct source *)0)->name)]; /* or empty: it has none */
	char typed[VM_KEY_SIZE];                       /* denotes it alone, for source_open */
};

/* Starts as zeroes. */
struct vm_candidates {
	unsigned count;
	struct vm_candidate *list;
};

/* Without memory, or past 65536, nothing is added. */
void vm_candidates_add(struct vm_candidates *candidates, enum vm_kind kind, const char *name,
		       const char *typed);
void vm_candidates_free(struct vm_candidates *candidates);

/*
 * Chooses the VM with this name, or the only one (NULL). Returns 0 or a negative errno with one line of text: -ENOENT
 * there is none, and the line has the nearest name; -EINVAL there are several, which the line lists. The list is sorted
 * by that: by kind, then as it is typed.
 */
int vm_candidates_choose(struct vm_candidates *candidates, const char *name,
			 const struct vm_candidate **chosen, struct error *err);

#endif
