/* SPDX-License-Identifier: MPL-2.0 */
/* ELF notes: see elf_notes.h. */
#include "base/elf/elf_notes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include <pagevisor/address.h>

#define NOTE_ALIGN      4
#define NOTE_ALIGN_LONG 8

int elf_notes_next(struct elf_notes *notes, struct elf_note *note)
{
	uint64_t align = notes->align == NOTE_ALIGN_LONG ? NOTE_ALIGN_LONG : NOTE_ALIGN;
	Elf64_Nhdr header;
	uint64_t name;
	uint64_t desc;

	/* Fewer bytes than a header are padding. */
	if (notes->at >= notes->size || notes->size - notes->at < sizeof(header))
		return 0;
	memcpy(&header, notes->bytes + notes->at, sizeof(header));
	name = notes->at + sizeof(header);
	desc = align_up(name + header.n_namesz, align);
	if (desc > notes->size || header.n_descsz > notes->size - desc)
		return -ENOEXEC;
	*note = (struct elf_note){
		.name = notes->bytes + name,
		.desc = notes->bytes + desc,
		.name_size = header.n_namesz,
		.desc_size = header.n_descsz,
		.type = header.n_type,
	};
	/* The last descriptor need not be padded, so the offset of the next note may lie past the end. */
	notes->at = align_up(desc + header.n_descsz, align);
	return 1;
}

bool elf_note_is(const struct elf_note *note, const char *name, uint32_t type)
{
	size_t size = strlen(name) + 1;

	return note->type == type && note->name_size == size && memcmp(note->name, name, size) == 0;
}
