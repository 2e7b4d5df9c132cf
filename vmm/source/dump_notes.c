/* SPDX-License-Identifier: MPL-2.0 */
/* Notes of an ELF core: see dump_notes.h. */
#include "source/dump_notes.h"

#include "base/elf/elf_notes.h"
#include "file/qemu_note.h"

int dump_notes_registers(const void *bytes, size_t size, struct machine_state *state,
			 struct error *err)
{
	struct elf_notes notes = {.bytes = bytes, .size = size, .align = 4};
	struct machine_registers registers;
	struct elf_note note;
	uint32_t count = 0;

	while (count < MACHINE_VCPUS_MAX && elf_notes_next(&notes, &note) == 1) {
		if (!elf_note_is(&note, QEMU_NOTE_NAME, QEMU_NOTE_TYPE) ||
		    !qemu_note_read(note.desc, note.desc_size, &registers))
			continue;
		int result = machine_state_add(state, MACHINE_PART_REGISTERS, count, &registers,
					       sizeof(registers), err);

		if (result < 0)
			return result;
		count++;
	}
	return (int)count;
}
