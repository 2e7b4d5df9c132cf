/* SPDX-License-Identifier: MPL-2.0 */
/* QEMU's note of a vCPU's registers: see qemu_note.h. */
#include "file/qemu_note.h"

#include <string.h>

static struct qemu_note_segment segment(uint64_t selector, uint64_t base)
{
	return (struct qemu_note_segment){.selector = (uint32_t)selector, .base = base};
}

void qemu_note_make(const struct machine_registers *registers, struct qemu_note *note)
{
	const uint64_t *general = registers->general;

	*note = (struct qemu_note){
		.version = QEMU_NOTE_VERSION,
		.size = sizeof(*note),
		.rax = general[MACHINE_RAX],
		.rbx = general[MACHINE_RBX],
		.rcx = general[MACHINE_RCX],
		.rdx = general[MACHINE_RDX],
		.rsi = general[MACHINE_RSI],
		.rdi = general[MACHINE_RDI],
		.rsp = general[MACHINE_RSP],
		.rbp = general[MACHINE_RBP],
		.rip = registers->rip,
		.rflags = registers->rflags,
		.cs = segment(registers->cs, 0),
		.ds = segment(registers->ds, 0),
		.es = segment(registers->es, 0),
		.fs = segment(registers->fs, registers->fs_base),
		.gs = segment(registers->gs, registers->gs_base),
		.ss = segment(registers->ss, 0),
		.cr = {registers->cr0, 0, registers->cr2, registers->cr3, registers->cr4},
		.kernel_gs_base = registers->kernel_gs_base,
	};
	memcpy(note->r8_to_r15, &general[MACHINE_R8], sizeof(note->r8_to_r15));
}

bool qemu_note_read(const void *desc, size_t size, struct machine_registers *registers)
{
	struct qemu_note note = {0};

	if (size < offsetof(struct qemu_note, kernel_gs_base))
		return false;
	memcpy(&note, desc,
	       size < sizeof(note) ? offsetof(struct qemu_note, kernel_gs_base) : sizeof(note));
	*registers = (struct machine_registers){
		.general = {[MACHINE_RAX] = note.rax,
			    [MACHINE_RCX] = note.rcx,
			    [MACHINE_RDX] = note.rdx,
			    [MACHINE_RBX] = note.rbx,
			    [MACHINE_RSP] = note.rsp,
			    [MACHINE_RBP] = note.rbp,
			    [MACHINE_RSI] = note.rsi,
			    [MACHINE_RDI] = note.rdi},
		.rip = note.rip,
		.rflags = note.rflags,
		.cs = note.cs.selector,
		.ss = note.ss.selector,
		.ds = note.ds.selector,
		.es = note.es.selector,
		.fs = note.fs.selector,
		.gs = note.gs.selector,
		.fs_base = note.fs.base,
		.gs_base = note.gs.base,
		.kernel_gs_base = note.kernel_gs_base,
		.cr0 = note.cr[0],
		.cr2 = note.cr[2],
		.cr3 = note.cr[3],
		.cr4 = note.cr[4],
	};
	memcpy(&registers->general[MACHINE_R8], note.r8_to_r15, sizeof(note.r8_to_r15));
	return true;
}
