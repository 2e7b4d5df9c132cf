/* SPDX-License-Identifier: MPL-2.0 */
/* Notes of an ELF core: see dump_notes.h. */
#include "source/dump_notes.h"

#include <string.h>

#include "base/elf/elf_notes.h"

#define QEMU_NOTE_TYPE 0

/* A version and a size, 18 general registers, 10 segment registers of 24 bytes, then CR0 to CR4. */
#define CR3_OFFSET (2 * 4 + 18 * 8 + 10 * 24 + 3 * 8)

unsigned dump_notes_cr3(const void *bytes, size_t size, uint64_t *cr3, unsigned max)
{
	struct elf_notes notes = {.bytes = bytes, .size = size, .align = 4};
	struct elf_note note;
	unsigned count = 0;

	while (count < max && elf_notes_next(&notes, &note) == 1)
		if (elf_note_is(&note, "QEMU", QEMU_NOTE_TYPE) &&
		    note.desc_size >= CR3_OFFSET + sizeof(*cr3))
			memcpy(&cr3[count++], note.desc + CR3_OFFSET, sizeof(*cr3));
	return count;
}
