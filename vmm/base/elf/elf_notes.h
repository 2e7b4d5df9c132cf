/* SPDX-License-Identifier: MPL-2.0 */
/* Walks the notes of an ELF file's PT_NOTE segment. All of it is hostile input. */
#ifndef VMM_ELF_NOTES_H
#define VMM_ELF_NOTES_H

#include <stdbool.h>
#include <stdint.h>

/* The contents of one PT_NOTE segment, and the position of the walk. */
struct elf_notes {
	const uint8_t *bytes;
	uint64_t size;  /* lies within a buffer: adding 32-bit sizes to it never wraps */
	uint64_t align; /* p_align; notes are aligned to 4 bytes unless it is 8 */
	uint64_t at;    /* offset of the next note; 0 at first */
};

/* One note; name and descriptor point into the segment and are not aligned. */
struct elf_note {
	const uint8_t *name;
	const uint8_t *desc;
	uint32_t name_size; /* including the NUL */
	uint32_t desc_size;
	uint32_t type;
};

/*
 * Takes the next note. Returns 1, 0 at the end (fewer bytes than a note's header remain), or -ENOEXEC if the next note
 * is larger than the rest of the segment.
 */
int elf_notes_next(struct elf_notes *notes, struct elf_note *note);

bool elf_note_is(const struct elf_note *note, const char *name, uint32_t type);

#endif
