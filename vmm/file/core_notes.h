/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The notes of a core: for each vCPU NT_PRSTATUS, which debuggers take for a thread, and QEMU's note with the control
 * registers; what the guest's kernel tells dump tools; and a few lines of text on what the core is.
 */
#ifndef VMM_CORE_NOTES_H
#define VMM_CORE_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "memory/machine_state.h"

/* The note with the text, one key=value a line. */
#define CORE_NOTE_NAME "pagevisor"
#define CORE_NOTE_TYPE                                                                             \
	0x5056 /* no number of a note that tools take for their own, whatever its name */

struct core_notes {
	uint8_t *bytes;
	size_t size;
	size_t capacity;
	unsigned vcpus; /* with registers */
};

/* Appends one. Returns 0 or -ENOMEM. */
int core_notes_add(struct core_notes *notes, const char *name, uint32_t type, const void *desc,
		   size_t size, struct error *err);

/* Appends those of all vCPUs whose registers the state has. */
int core_notes_add_vcpus(struct core_notes *notes, const struct machine_state *state,
			 struct error *err);

void core_notes_free(struct core_notes *notes);

#endif
