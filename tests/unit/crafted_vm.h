/* SPDX-License-Identifier: MPL-2.0 */
/* Crafted guests (crafted_source.h) that are attached to and detached from like VMs: for a struct vm_set. */
#ifndef TESTS_UNIT_CRAFTED_VM_H
#define TESTS_UNIT_CRAFTED_VM_H

#include "source/source.h"
#include "unit/crafted_source.h"

#define CRAFTED_META_PAGES (CRAFTED_SLOTS * SLOT_SIZE / PAGE_SIZE)

/* For vm_set_add: a guest at rest, with BTF; or a guest without any RAM. */
int crafted_vm_open(void *context, struct source *source, struct error *err);
int crafted_vm_open_empty(void *context, struct source *source, struct error *err);

/*
 * A live guest that traces, and that meets something whenever its array, or its trace, is read: another boot, or a reset
 * after which it has not booted yet.
 */
int crafted_vm_open_restarting(void *context, struct source *source, struct error *err);
int crafted_vm_open_reset(void *context, struct source *source, struct error *err);

/* The VM of the source with this pid has ended. */
#define CRAFTED_ENDED_PID 1

/* The number of open sources. */
unsigned crafted_vms_alive(void);

#endif
