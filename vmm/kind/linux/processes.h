/* SPDX-License-Identifier: MPL-2.0 */
/* The processes of a kernel, by its list of them, and what it counts of each one's memory. */
#ifndef VMM_LINUX_PROCESSES_H
#define VMM_LINUX_PROCESSES_H

#include "base/error.h"
#include "kind/linux/owner_fields.h"

#define PROCESSES_MAX       65536
#define PROCESS_THREADS_MAX 64 /* of a process, whose memory is looked for */
#define PROCESS_NAME_SIZE   32

struct linux_process {
	uint64_t task;
	uint32_t pid;
	uint64_t start;               /* when it began, in the kernel's nanoseconds; 0: not known */
	char name[PROCESS_NAME_SIZE]; /* comm: not printable */
	uint64_t
		memory; /* its struct mm_struct; 0: a thread of the kernel, or one that has ended */
	bool has_pages;
	uint64_t pages[COUNTERS]; /* by enum memory_counter */
};

/* A result other than 0 ends the walk. */
typedef int process_visit(void *own, const struct linux_process *process);

/*
 * Visits the first task of each process but the kernel's own number 0. The list changes meanwhile: *is_complete is false if
 * it did not lead back to its head. Pages are not read without a field of counters. Returns 0; -ENODATA with a text if the
 * kernel does not say where the list is; or as `visit`.
 */
int linux_processes(const struct linux_kernel *kernel, const struct owner_fields *fields,
		    process_visit *visit, void *own, bool *is_complete, struct error *err);

#endif
