/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The VMs that are attached: a table under RCU, in which many threads find them by key while others come and go.
 *
 * A reader that finds a VM gets a reference, and the VM stays open until it drops it, whether it is in the set any more
 * or not. So no reader is in a section while it looks at guest memory for long or prints, removing a VM waits for none
 * of them, and the last one to let go closes the source.
 *
 *                           concurrent with              waits for
 *     find, list            everything                   nobody
 *     add, remove           everything; one at a time    readers that are just looking something up
 *
 * What is known of each VM is published with it (memory/published.h), and each kind has one thread that replaces it.
 */
#ifndef VMM_VM_SET_H
#define VMM_VM_SET_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "memory/published.h"
#include "source/source.h"
#include "kind/fields/type_cache.h"

#define VM_KEY_SIZE 256

/* As many as anything here lists at a time. */
#define VM_SET_MAX 1024

struct attached_vm;
struct cds_lfht;

struct vm_set {
	struct cds_lfht *table;
	pthread_mutex_t update; /* held by whoever adds or removes */
	unsigned count;         /* under it */
};

/* Returns 0 or -ENOMEM. */
int vm_set_init(struct vm_set *set, struct error *err);

/* Removes all VMs. No thread uses the set any more; VMs that were taken out of it live until they are dropped. */
void vm_set_destroy(struct vm_set *set);

/* Opens the source of a new VM. Returns 0 or a negative errno with a line of text; then nothing is open. */
typedef int vm_open_function(void *context, struct source *source, struct error *err);

/*
 * Opens a VM and adds it under its key, up to VM_KEY_SIZE - 1 bytes that say which one it is among all kinds. Returns 0;
 * -EEXIST there is one with that key; -ENOSPC there are VM_SET_MAX; -EINVAL a key that is empty or too long; -ENOMEM; or
 * what `open` returned. On failure the set is what it was, and nothing is open. The table is not locked while it opens.
 */
int vm_set_add(struct vm_set *set, const char *key, vm_open_function *open, void *context,
	       struct error *err);

/* Removes the VM with that key: nobody finds it any more. False: there is none. Called in no section. */
bool vm_set_remove(struct vm_set *set, const char *key);

/* The VM with that key and a reference to it, or NULL. */
struct attached_vm *vm_set_find(const struct vm_set *set, const char *key);

/*
 * References to all VMs, at most `max`, in no order. What is added or removed meanwhile may be missing or there. Returns
 * how many.
 */
unsigned vm_set_list(const struct vm_set *set, struct attached_vm **vms, unsigned max);

/* Gives a reference back. Called in no section: the last one closes the source. */
void attached_vm_drop(struct attached_vm *vm);

/* One more reference, for who has one. */
void attached_vm_hold(struct attached_vm *vm);

const char *attached_vm_key(const struct attached_vm *vm);
struct source *attached_vm_source(struct attached_vm *vm);

/* What is published of a VM: its types, and what was last seen of it, a struct vm_look (vm_look.h). */
struct type_cache *attached_vm_types(struct attached_vm *vm);
struct published *attached_vm_looks(struct attached_vm *vm);

#endif
