/* SPDX-License-Identifier: MPL-2.0 */
/* One of our VMs as a source: its RAM is mapped read-only, and its VMM does what only the VMM can. */
#ifndef VMM_SOURCE_OWN_VM_H
#define VMM_SOURCE_OWN_VM_H

#include "attach/runtime_dir.h"
#include "attach/vm_name.h"
#include "base/error.h"
#include "source/source.h"

#define OWN_VM_PREFIX     "vm:"  /* of a name, where another VM has it too */
#define OWN_VM_PID_PREFIX "pid:" /* of a process */

/* The VMs that can be connected to. */
struct vm_list {
	unsigned count;
	struct vm_id *ids; /* for free() */
};

/*
 * Lists the user's VMs, including dead ones; none when there is no runtime directory. Returns 0 or a negative errno, with
 * an empty list.
 */
int own_vm_list(struct vm_list *list, struct error *err);

/*
 * Attaches to a VM of the list. Returns 0 or a negative errno with a line of text, as attach_client_connect. Removes
 * the socket of a dead VM (-ECONNREFUSED).
 *
 * A VM that closes the connection and goes on listening is SOURCE_CUT_OFF; its RAM goes on being read as it was mapped.
 * It is not connected to again: it has a reason, or another VM has its name.
 */
int own_vm_open(const struct vm_id *id, struct source *source, struct error *err);

/* Whether a VM of the list lives, without waiting for it. Removes the socket of a dead VM. */
bool own_vm_is_alive(const struct vm_id *id);

/* Finds the one VM that a name of source_open denotes, and lives. Returns as source_open. */
int own_vm_find(const char *name, struct vm_id *id, struct error *err);

/*
 * Asks a VM to end in good order, as SIGTERM to its process does, and waits until the process has ended, `timeout_ns` at
 * most. Returns 0 or a negative errno with a line of text, as attach_client_connect; -ETIME: it has been asked, and still
 * runs.
 */
int own_vm_stop(const struct vm_id *id, uint64_t timeout_ns, struct error *err);

/* Lets a VM go that was restored paused. Returns 0 or a negative errno with a text, as above; -EALREADY: it is not held. */
int own_vm_go_on(const struct vm_id *id, struct error *err);

/* Whether a source is one of our VMs. */
bool own_vm_is(const struct source *source);

/*
 * For one of our VMs as a source. From now on a pause by its control lasts, without a limit, past control_resume: until
 * one of the functions below, or the end of this process, and the VM runs no guest meanwhile.
 */
void own_vm_hold(struct source *source);

/* Lets it run on. *held_ns is how long it was held. Returns as control_resume. */
int own_vm_let_go(struct source *source, uint64_t *held_ns, struct error *err);

/*
 * Ends the VM that is held, whose guest has been saved: it runs no more instruction. Waits until it has hung up, `timeout_ns`
 * at most. Returns 0 or a negative errno with a text; -ETIME: it was not held, or still runs.
 */
int own_vm_end_saved(struct source *source, uint64_t timeout_ns, struct error *err);

/* Opens the VM that a name of source_open denotes. */
int own_vm_open_named(const char *name, struct source *source, struct error *err);

#endif
