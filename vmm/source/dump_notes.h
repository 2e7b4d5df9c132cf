/* SPDX-License-Identifier: MPL-2.0 */
/* What the notes of an ELF core of a guest say of its vCPUs. All of it is hostile input. */
#ifndef VMM_SOURCE_DUMP_NOTES_H
#define VMM_SOURCE_DUMP_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads CR3 of each vCPU from the contents of a PT_NOTE segment of QEMU's, which has a note named "QEMU" for each
 * (target/i386/arch_dump.c: struct QEMUCPUState). Sets at most `max` values; returns how many, up to the first note that is cut short.
 */
unsigned dump_notes_cr3(const void *bytes, size_t size, uint64_t *cr3, unsigned max);

#endif
