/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The frames that processes map, by a walk of their page tables: anonymous pages and those of files, within mappings of any size.
 * Its time grows with what these processes have mapped, and is bounded.
 */
#ifndef VMM_LINUX_TASK_FRAMES_H
#define VMM_LINUX_TASK_FRAMES_H

#include "kind/linux/processes.h"
#include "kind/property.h"

/* Page tables that are read at most, and as many confirmed: some seconds' work. */
#define TASK_TABLES_MAX (UINT64_C(1) << 21)

/*
 * Adds what each process maps that has the name, as the list of processes has it, or the pid. The guest runs meanwhile: a page that
 * comes or goes may be there or not. Returns 0; or, with a text, -ENODATA if the kernel does not say where its processes or page
 * tables are, or this memory does not have them; -E2BIG if there are more than `tables_max`; -EAGAIN if the list of processes
 * changed during every attempt to read it.
 */
int task_frames_add(const struct linux_kernel *kernel, const struct owner_fields *fields,
		    const struct property_owner *owner, uint64_t tables_max,
		    struct frame_set *frames, struct error *err);

#endif
