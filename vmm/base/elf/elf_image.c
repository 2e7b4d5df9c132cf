/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Parses a kernel image: see elf_image.h. Structures are copied out of the file before use, because nothing in a file
 * is guaranteed to be aligned. The formats are those of the ELF-64 object file format and of elf(5). Headers of 32-bit
 * files are widened on the way, so that one set of checks serves both.
 */
#include "base/elf/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/note.h>
#include <pagevisor/option_table.h>
#include <pagevisor/pvh.h>

#include "base/elf/elf_notes.h"

static bool is_32_bit(const Elf64_Ehdr *header)
{
	return header->e_ident[EI_CLASS] == ELFCLASS32;
}

/* Copies the header out of a file of at least that size; that of a 32-bit file is widened. */
static void read_header(const struct elf_image *image, Elf64_Ehdr *header)
{
	Elf32_Ehdr narrow;

	memcpy(header, image->bytes, sizeof(*header));
	if (!is_32_bit(header))
		return;
	memcpy(&narrow, image->bytes, sizeof(narrow));
	*header = (Elf64_Ehdr){
		.e_type = narrow.e_type,
		.e_machine = narrow.e_machine,
		.e_version = narrow.e_version,
		.e_phoff = narrow.e_phoff,
		.e_phentsize = narrow.e_phentsize,
		.e_phnum = narrow.e_phnum,
	};
	memcpy(header->e_ident, narrow.e_ident, sizeof(header->e_ident));
}

static size_t program_header_size(const Elf64_Ehdr *header)
{
	return is_32_bit(header) ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

/* Likewise for program header `index`, after check_program_headers(). */
static void read_program_header(const struct elf_image *image, const Elf64_Ehdr *header,
				unsigned index, Elf64_Phdr *ph)
{
	const uint8_t *at = image->bytes + header->e_phoff + index * program_header_size(header);
	Elf32_Phdr narrow;

	if (!is_32_bit(header)) {
		memcpy(ph, at, sizeof(*ph));
		return;
	}
	memcpy(&narrow, at, sizeof(narrow));
	*ph = (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_offset = narrow.p_offset,
		.p_paddr = narrow.p_paddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
		.p_align = narrow.p_align,
	};
}

static int check_header(const Elf64_Ehdr *header, struct error *err)
{
	const unsigned char *ident = header->e_ident;

	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return error_set(err, -ENOEXEC, "not an ELF file");
	if (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32)
		return error_set(err, -ENOEXEC,
				 "ELF class %u; %u (32-bit) or %u (64-bit) is needed",
				 ident[EI_CLASS], ELFCLASS32, ELFCLASS64);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return error_set(err, -ENOEXEC, "not a little-endian ELF file");
	if (ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
		return error_set(err, -ENOEXEC, "unknown ELF version; %u is the only one",
				 EV_CURRENT);
	if (is_32_bit(header) && header->e_machine != EM_386)
		return error_set(err, -ENOEXEC, "ELF machine %u; a 32-bit file needs i386 (%u)",
				 header->e_machine, EM_386);
	if (!is_32_bit(header) && header->e_machine != EM_X86_64)
		return error_set(err, -ENOEXEC, "ELF machine %u; x86-64 (%u) is needed",
				 header->e_machine, EM_X86_64);
	if (header->e_type == ET_DYN)
		return error_set(err, -ENOEXEC,
				 "position-independent ELF file; link the kernel at a fixed "
				 "address (-no-pie)");
	if (header->e_type != ET_EXEC)
		return error_set(err, -ENOEXEC, "ELF type %u; an executable (%u) is needed",
				 header->e_type, ET_EXEC);
	return 0;
}

static int check_program_headers(const Elf64_Ehdr *header, size_t file_size, struct error *err)
{
	size_t entry_size = program_header_size(header);

	if (header->e_phentsize != entry_size)
		return error_set(err, -ENOEXEC, "program headers of %u bytes; they have %zu",
				 header->e_phentsize, entry_size);
	if (header->e_phnum == 0 || header->e_phnum > ELF_IMAGE_SEGMENTS_MAX)
		return error_set(err, -ENOEXEC, "%u program headers; 1 to %u are supported",
				 header->e_phnum, ELF_IMAGE_SEGMENTS_MAX);
	if (!elf_range_fits(file_size, header->e_phoff, header->e_phnum * entry_size))
		return error_set(err, -ENOEXEC,
				 "program headers at offset 0x%" PRIx64
				 " lie outside the file of %zu bytes",
				 header->e_phoff, file_size);
	return 0;
}

static bool ranges_overlap(uint64_t start_a, uint64_t size_a, uint64_t start_b, uint64_t size_b)
{
	return start_a < start_b + size_b && start_b < start_a + size_a;
}

static int check_segment(const struct elf_image *image, const Elf64_Phdr *ph, struct error *err)
{
	const struct elf_segment *other;

	if (ph->p_filesz > ph->p_memsz)
		return error_set(err, -ENOEXEC,
				 "segment at 0x%" PRIx64 ": 0x%" PRIx64
				 " bytes in the file, more than its 0x%" PRIx64 " in memory",
				 ph->p_paddr, ph->p_filesz, ph->p_memsz);
	if (ph->p_memsz == 0)
		return 0;
	/* Linkers may give a segment of nothing but zeros an offset past the end of the file. */
	if (ph->p_filesz != 0 && !elf_range_fits(image->size, ph->p_offset, ph->p_filesz))
		return error_set(err, -ENOEXEC,
				 "segment at 0x%" PRIx64 ": 0x%" PRIx64
				 " bytes at offset 0x%" PRIx64 " lie outside the file of %zu bytes",
				 ph->p_paddr, ph->p_filesz, ph->p_offset, image->size);
	if (ph->p_memsz > UINT64_MAX - ph->p_paddr)
		return error_set(err, -ENOEXEC,
				 "segment at 0x%" PRIx64 ": 0x%" PRIx64
				 " bytes wrap around the end of the address space",
				 ph->p_paddr, ph->p_memsz);
	/* Below this address lie the structures that the VMM prepares for the kernel (machine/boot/start_info.h). */
	if (ph->p_paddr < KERNEL_PHYSICAL_LOAD)
		return error_set(err, -ENOEXEC,
				 "segment at 0x%" PRIx64 "; kernels are loaded at 0x%x or above",
				 ph->p_paddr, KERNEL_PHYSICAL_LOAD);
	for (unsigned i = 0; i < image->segment_count; i++) {
		other = &image->segments[i];
		if (ranges_overlap(ph->p_paddr, ph->p_memsz, other->base.addr, other->size))
			return error_set(err, -ENOEXEC,
					 "segments at 0x%" PRIx64 " and 0x%" PRIx64 " overlap",
					 other->base.addr, ph->p_paddr);
	}
	return 0;
}

static int add_segment(struct elf_image *image, const Elf64_Phdr *ph, struct error *err)
{
	int rc = check_segment(image, ph, err);

	if (rc < 0 || ph->p_memsz == 0)
		return rc;
	if (image->segment_count == 0 || ph->p_paddr < image->lowest.addr)
		image->lowest = paddr(ph->p_paddr);
	if (ph->p_paddr + ph->p_memsz > image->end.addr)
		image->end = paddr(ph->p_paddr + ph->p_memsz);
	image->segments[image->segment_count++] = (struct elf_segment){
		.offset = ph->p_filesz != 0 ? ph->p_offset : 0,
		.file_size = ph->p_filesz,
		.base = paddr(ph->p_paddr),
		.size = ph->p_memsz,
	};
	return 0;
}

/* A table of another version is no error: the kernel runs without it. */
static int take_option_note(struct elf_image *image, const struct elf_note *note, struct error *err)
{
	struct option_note options;

	if (note->desc_size != sizeof(options))
		return error_set(err, -ENOEXEC,
				 "options note with a descriptor of %" PRIu32
				 " bytes; %zu are needed",
				 note->desc_size, sizeof(options));
	memcpy(&options, note->desc, sizeof(options));
	image->has_options = options.entry_size == OPTION_ENTRY_SIZE;
	image->options_pa = paddr(options.entries_pa);
	/* If it wraps, no segment is that large. */
	image->options_size = options.end_pa - options.entries_pa;
	return 0;
}

/* Takes the content of a note. Of several notes of the same kind, the first counts. */
static int take_note(struct elf_image *image, const struct elf_note *note, struct error *err)
{
	uint64_t value = 0;

	if (elf_note_is(note, PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE) && !image->has_pvh_entry) {
		/* The entry is a 32-bit number; 64-bit kernels store it in 8 bytes. */
		if (note->desc_size != sizeof(uint32_t) && note->desc_size != sizeof(uint64_t))
			return error_set(err, -ENOEXEC,
					 "PVH note with a descriptor of %" PRIu32
					 " bytes; 4 or 8 are needed",
					 note->desc_size);
		memcpy(&value, note->desc, note->desc_size);
		image->has_pvh_entry = true;
		image->pvh_entry = paddr(value);
	} else if (elf_note_is(note, INFO_NOTE_NAME, INFO_NOTE_TYPE) && !image->has_info) {
		if (note->desc_size != sizeof(uint64_t))
			return error_set(err, -ENOEXEC,
					 "info note with a descriptor of %" PRIu32
					 " bytes; 8 are needed",
					 note->desc_size);
		memcpy(&value, note->desc, sizeof(value));
		image->has_info = true;
		image->info_pa = paddr(value);
	} else if (elf_note_is(note, INFO_NOTE_NAME, OPTION_NOTE_TYPE) && !image->has_options) {
		return take_option_note(image, note, err);
	}
	return 0;
}

/* Behind the PVH note, a loader that needs nothing else never looks: whatever does not parse there is no note. */
static int parse_notes(struct elf_image *image, const Elf64_Phdr *ph, struct error *err)
{
	struct elf_notes notes = {.size = ph->p_filesz, .align = ph->p_align};
	struct elf_note note;
	int rc;

	if (!elf_range_fits(image->size, ph->p_offset, ph->p_filesz))
		return error_set(err, -ENOEXEC,
				 "notes at offset 0x%" PRIx64 " lie outside the file of %zu bytes",
				 ph->p_offset, image->size);
	notes.bytes = image->bytes + ph->p_offset;
	while ((rc = elf_notes_next(&notes, &note)) > 0) {
		rc = take_note(image, &note, err);
		if (rc < 0)
			return rc;
	}
	if (rc < 0 && !image->has_pvh_entry)
		return error_set(err, rc, "note at offset 0x%" PRIx64 " is cut short",
				 ph->p_offset + notes.at);
	return 0;
}

/* The segment that holds all of the range, or NULL. With file_part, only the part that comes from the file counts. */
static const struct elf_segment *find_segment(const struct elf_image *image, paddr_t pa,
					      uint64_t length, bool file_part)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segments[i];
		uint64_t size = file_part ? segment->file_size : segment->size;
		/* For an address below the base, the offset wraps and exceeds any size: segments end within 64 bits. */
		uint64_t offset = pa.addr - segment->base.addr;

		if (offset < size && length <= size - offset)
			return segment;
	}
	return NULL;
}

const uint8_t *elf_image_bytes_at(const struct elf_image *image, paddr_t pa, uint64_t length)
{
	const struct elf_segment *segment = find_segment(image, pa, length, true);

	return segment ? image->bytes + segment->offset + (pa.addr - segment->base.addr) : NULL;
}

/* Checks that need all segments and notes. */
static int check_notes(const struct elf_image *image, struct error *err)
{
	if (!image->has_pvh_entry)
		return error_set(err, -ENOEXEC,
				 "no PVH entry; the kernel needs an ELF note \"%s\" of type %u",
				 PVH_NOTE_NAME, PVH_NOTE_ENTRY_TYPE);
	if (image->pvh_entry.addr > UINT32_MAX || !find_segment(image, image->pvh_entry, 1, true))
		return error_set(err, -ENOEXEC,
				 "PVH entry 0x%" PRIx64
				 "; it must lie below 4 GiB in a segment's code",
				 image->pvh_entry.addr);
	if (image->has_info && (!is_aligned(image->info_pa.addr, PAGE_SIZE) ||
				!find_segment(image, image->info_pa, PAGE_SIZE, false)))
		return error_set(err, -ENOEXEC,
				 "info page at 0x%" PRIx64
				 "; it must be page-aligned and lie in a segment",
				 image->info_pa.addr);
	if (image->has_options &&
	    !elf_image_bytes_at(image, image->options_pa, image->options_size))
		return error_set(err, -ENOEXEC,
				 "list of options at 0x%" PRIx64 ", of %" PRIu64
				 " bytes; it must lie in a segment's bytes",
				 image->options_pa.addr, image->options_size);
	return 0;
}

static int parse(struct elf_image *image, struct error *err)
{
	Elf64_Ehdr header;
	Elf64_Phdr ph;
	int rc;

	if (image->size < sizeof(header))
		return error_set(err, -ENOEXEC,
				 "not an ELF file: %zu bytes, less than an ELF header",
				 image->size);
	read_header(image, &header);
	rc = check_header(&header, err);
	if (rc == 0)
		rc = check_program_headers(&header, image->size, err);
	for (unsigned i = 0; rc == 0 && i < header.e_phnum; i++) {
		read_program_header(image, &header, i, &ph);
		if (ph.p_type == PT_LOAD)
			rc = add_segment(image, &ph, err);
		else if (ph.p_type == PT_NOTE)
			rc = parse_notes(image, &ph, err);
	}
	return rc == 0 ? check_notes(image, err) : rc;
}

int elf_image_parse(struct elf_image *image, const void *bytes, size_t size, struct error *err)
{
	int rc;

	*image = (struct elf_image){.bytes = bytes, .size = size};
	rc = parse(image, err);
	if (rc < 0)
		*image = (struct elf_image){0};
	return rc;
}
