/* SPDX-License-Identifier: MPL-2.0 */
/* The build id of this program: see build_id.h. */
#include "base/build_id.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NOTE_ALIGNMENT 4

static size_t padded(size_t size)
{
	return (size + NOTE_ALIGNMENT - 1) & ~(size_t)(NOTE_ALIGNMENT - 1);
}

/* The notes are our own program's, as the linker wrote them. */
static bool find_in_notes(const uint8_t *notes, size_t size, char text[BUILD_ID_SIZE])
{
	for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
		const ElfW(Nhdr) *note = (const void *)(notes + at);
		const uint8_t *name = notes + at + sizeof(*note);
		const uint8_t *id = name + padded(note->n_namesz);

		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
		    note->n_descsz <= BUILD_ID_SIZE / 2) {
			for (size_t i = 0; i < note->n_descsz; i++)
				snprintf(text + 2 * i, 3, "%02x", id[i]);
			return true;
		}
		at += sizeof(*note) + padded(note->n_namesz) + padded(note->n_descsz);
	}
	return false;
}

/* The first object is the program. */
static int look_at_program(struct dl_phdr_info *object, size_t size, void *text)
{
	(void)size;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];

		if (header->p_type == PT_NOTE && header->p_align == NOTE_ALIGNMENT &&
		    find_in_notes((const void *)(object->dlpi_addr + header->p_vaddr),
				  header->p_memsz, text))
			break;
	}
	return 1;
}

void build_id_text(char text[BUILD_ID_SIZE])
{
	text[0] = '\0';
	dl_iterate_phdr(look_at_program, text);
}
