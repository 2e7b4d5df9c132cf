/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The note with a vCPU's registers that QEMU writes into its dumps, one for each: control registers, too, which NT_PRSTATUS
 * has not. Tools for kernels know it (QEMU's target/i386/arch_dump.c: struct QEMUCPUState, version 1).
 */
#ifndef VMM_QEMU_NOTE_H
#define VMM_QEMU_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/machine_state.h"

#define QEMU_NOTE_NAME    "QEMU"
#define QEMU_NOTE_TYPE    0
#define QEMU_NOTE_VERSION 1

struct qemu_note_segment {
	uint32_t selector, limit, flags, pad;
	uint64_t base;
};

struct qemu_note {
	uint32_t version, size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8_to_r15[8], rip, rflags;
	struct qemu_note_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base; /* not in those of QEMU before 3.0 */
};

_Static_assert(offsetof(struct qemu_note, cr) == 392 && sizeof(struct qemu_note) == 440,
	       "the layout is QEMU's");

/* What `registers` does not have is 0. */
void qemu_note_make(const struct machine_registers *registers, struct qemu_note *note);

/* Reads a note's descriptor. EFER is not in it. Returns false if it is too short. */
bool qemu_note_read(const void *desc, size_t size, struct machine_registers *registers);

#endif
