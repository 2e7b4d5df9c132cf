/* SPDX-License-Identifier: MPL-2.0 */
/* The notes of a core: see core_notes.h. */
#include "file/core_notes.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/address.h>

#include "file/qemu_note.h"

#define NOTE_ALIGN 4

/* struct elf_prstatus of x86-64, whose header and that of the guest's pages contradict each other (Linux's elfcore.h). */
struct thread_status {
	uint32_t signal_info[3];
	uint16_t signal;
	uint64_t signals_pending, signals_held;
	int32_t pid, parent, group, session;
	uint64_t times[8];
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax,
		rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
	int32_t has_fpu;
};

_Static_assert(sizeof(struct thread_status) == 336 && offsetof(struct thread_status, pid) == 32 &&
		       offsetof(struct thread_status, r15) == 112,
	       "the layout is Linux's");

static int reserve(struct core_notes *notes, size_t more, struct error *err)
{
	size_t capacity = notes->capacity ? notes->capacity : 4096;

	while (capacity - notes->size < more)
		capacity *= 2;
	if (capacity == notes->capacity)
		return 0;
	uint8_t *bytes = realloc(notes->bytes, capacity);

	if (!bytes)
		return error_set(err, -ENOMEM, "no memory for the notes of a core");
	notes->bytes = bytes;
	notes->capacity = capacity;
	return 0;
}

static void append(struct core_notes *notes, const void *bytes, size_t size)
{
	size_t padded = align_up(size, NOTE_ALIGN);

	memcpy(notes->bytes + notes->size, bytes, size);
	memset(notes->bytes + notes->size + size, 0, padded - size);
	notes->size += padded;
}

int core_notes_add(struct core_notes *notes, const char *name, uint32_t type, const void *desc,
		   size_t size, struct error *err)
{
	const size_t name_size = strlen(name) + 1;
	const Elf64_Nhdr head = {(Elf64_Word)name_size, (Elf64_Word)size, type};
	int result = reserve(
		notes, sizeof(head) + align_up(name_size, NOTE_ALIGN) + align_up(size, NOTE_ALIGN),
		err);

	if (result < 0)
		return result;
	append(notes, &head, sizeof(head));
	append(notes, name, name_size);
	append(notes, desc, size);
	return 0;
}

/* Debuggers number threads from 1 on. */
static int add_status(struct core_notes *notes, uint32_t cpu,
		      const struct machine_registers *registers, struct error *err)
{
	const uint64_t *general = registers->general;
	const struct thread_status status = {
		.pid = (int32_t)cpu + 1,
		.r15 = general[15],
		.r14 = general[14],
		.r13 = general[13],
		.r12 = general[12],
		.rbp = general[MACHINE_RBP],
		.rbx = general[MACHINE_RBX],
		.r11 = general[11],
		.r10 = general[10],
		.r9 = general[9],
		.r8 = general[MACHINE_R8],
		.rax = general[MACHINE_RAX],
		.rcx = general[MACHINE_RCX],
		.rdx = general[MACHINE_RDX],
		.rsi = general[MACHINE_RSI],
		.rdi = general[MACHINE_RDI],
		.orig_rax = UINT64_MAX, /* in no system call */
		.rip = registers->rip,
		.cs = registers->cs,
		.rflags = registers->rflags,
		.rsp = general[MACHINE_RSP],
		.ss = registers->ss,
		.fs_base = registers->fs_base,
		.gs_base = registers->gs_base,
		.ds = registers->ds,
		.es = registers->es,
		.fs = registers->fs,
		.gs = registers->gs,
	};

	return core_notes_add(notes, "CORE", NT_PRSTATUS, &status, sizeof(status), err);
}

int core_notes_add_vcpus(struct core_notes *notes, const struct machine_state *state,
			 struct error *err)
{
	const struct machine_registers *registers;
	struct qemu_note note;
	int result = 0;

	for (uint32_t cpu = 0; result == 0 && cpu < MACHINE_VCPUS_MAX; cpu++) {
		registers =
			machine_part_find(state, MACHINE_PART_REGISTERS, cpu, sizeof(*registers));
		if (!registers)
			continue;
		result = add_status(notes, cpu, registers, err);
		notes->vcpus += result == 0;
	}
	/* Behind all of the others, as in QEMU's own dumps. */
	for (uint32_t cpu = 0; result == 0 && cpu < MACHINE_VCPUS_MAX; cpu++) {
		registers =
			machine_part_find(state, MACHINE_PART_REGISTERS, cpu, sizeof(*registers));
		if (!registers)
			continue;
		qemu_note_make(registers, &note);
		result = core_notes_add(notes, QEMU_NOTE_NAME, QEMU_NOTE_TYPE, &note, sizeof(note),
					err);
	}
	return result;
}

void core_notes_free(struct core_notes *notes)
{
	free(notes->bytes);
	*notes = (struct core_notes){0};
}
