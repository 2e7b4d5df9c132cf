/* SPDX-License-Identifier: MPL-2.0 */
/* What the notes of an ELF core of a guest say of its vCPUs. All of it is hostile input. */
#ifndef VMM_SOURCE_DUMP_NOTES_H
#define VMM_SOURCE_DUMP_NOTES_H

#include <stddef.h>

#include "base/error.h"
#include "memory/machine_state.h"

/*
 * Adds the registers of each vCPU from the contents of a PT_NOTE segment of QEMU's or of our own (file/qemu_note.h), up to the
 * first note that is cut short, and MACHINE_VCPUS_MAX at most; the notes come in the order of the vCPUs. Returns how many, or as
 * machine_state_add.
 */
int dump_notes_registers(const void *bytes, size_t size, struct machine_state *state,
			 struct error *err);

#endif
