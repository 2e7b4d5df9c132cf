/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where the threads of a kernel have their stacks, by the list of processes and the run queues, whose idle threads are on no list. A
 * stack that the kernel keeps for the next thread is nobody's, and not among them.
 */
#ifndef VMM_LINUX_KERNEL_STACKS_H
#define VMM_LINUX_KERNEL_STACKS_H

#include "kind/linux/owner_fields.h"
#include "kind/linux/processes.h"

/* Threads whose stacks are looked for, of all processes. */
#define KERNEL_STACKS_MAX (1 << 18)

struct kernel_stacks {
	uint64_t *list; /* virtual addresses, ascending, each the start of a page */
	uint64_t count, room;
	bool is_complete; /* all threads were met */
};

/*
 * Reads them. `visit` gets each process, too; what it returns ends the walk. Not after end_ns, CLOCK_MONOTONIC. Returns 0, also if
 * that was too early; -ENODATA if the kernel does not say where its threads are; -ENOMEM; or as `visit`. The list is there in any case, and freed by kernel_stacks_free.
 */
int kernel_stacks_read(const struct linux_kernel *kernel, const struct owner_fields *fields,
		       uint64_t end_ns, process_visit *visit, void *own,
		       struct kernel_stacks *stacks);
void kernel_stacks_free(struct kernel_stacks *stacks);

#endif
