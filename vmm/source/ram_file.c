/* SPDX-License-Identifier: MPL-2.0 */
/* A file of a guest's RAM: see ram_file.h. */
#include "source/ram_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pagevisor/layout.h>

#include "base/fd.h"
#include "base/printable.h"
#include "kind/registry.h"
#include "memory/file_hole.h"
#include "source/dump_notes.h"
#include "source/ram_split.h"

#define READ_CHUNK  (UINT64_C(1) << 20)
/* Regions, and where else a kernel maps them. */
#define HEADERS_MAX (1 + MEMORY_REGIONS_MAX + 4096)

/* Bytes of a dump's notes that are looked at: QEMU writes some 800 for each vCPU. */
#define NOTES_SIZE_MAX (UINT64_C(1) << 20)

/* makedumpfile's formats: kdump-compressed, flattened; QEMU writes both. */
static const char *const other_formats[] = {"KDUMP   ", "DISKDUMP", "makedumpfile"};

/* A part of the file that is a region of memory. */
struct piece {
	const struct ram_file *file;
	uint64_t base;
	uint64_t offset;
};

struct ram_file {
	int fd;
	uint64_t size;
	const char *path; /* for messages while it is opened */
	unsigned piece_count;
	struct piece pieces[MEMORY_REGIONS_MAX];
	struct machine_state state; /* the registers of the vCPUs, where the file has them */
};

static int read_piece(void *own, paddr_t pa, void *buffer, size_t length)
{
	const struct piece *piece = own;

	return fd_read_at(piece->file->fd, buffer, length, piece->offset + (pa.addr - piece->base));
}

/* Holes of the file lie at its own pages, so they are known only where these are the guest's. */
static int find_data(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	const struct piece *piece = own;
	uint64_t offset = piece->offset + (pa.addr - piece->base);

	*hole = is_aligned(piece->offset, PAGE_SIZE) ? file_hole(piece->file->fd, offset, length)
						     : 0;
	*data = *hole < length ? length - *hole : 0;
	if (*data > READ_CHUNK)
		*data = READ_CHUNK;
	return 0;
}

static int add_piece(struct ram_file *file, struct source *source, uint64_t base, uint64_t size,
		     uint64_t offset, struct error *err)
{
	struct piece *piece = &file->pieces[file->piece_count];

	if (offset > file->size || size > file->size - offset)
		return error_set(err, -EPROTO,
				 "%s is cut short: %" PRIu64 " bytes at %" PRIu64
				 " are not all there",
				 file->path, size, offset);
	if (file->piece_count == MEMORY_REGIONS_MAX)
		return error_set(err, -EPROTO, "%s has more than %d regions", file->path,
				 MEMORY_REGIONS_MAX);
	*piece = (struct piece){.file = file, .base = base, .offset = offset};
	const struct memory_reader reader = {
		.read = read_piece,
		.find_data = find_data,
		.own = piece,
		.is_constant = true,
		.chunk = READ_CHUNK,
	};
	int result = guest_memory_add_copied(&source->memory, paddr(base), size, &reader, err);

	if (result < 0) {
		error_name(err, file->path);
		return result;
	}
	file->piece_count++;
	return 0;
}

/* The number of program headers, which may not fit its field. */
static int count_headers(const struct ram_file *file, const Elf64_Ehdr *head, uint64_t *count,
			 struct error *err)
{
	Elf64_Shdr first;

	*count = head->e_phnum;
	if (head->e_phnum == PN_XNUM) {
		if (head->e_shoff == 0 || head->e_shentsize != sizeof(first) ||
		    fd_read_at(file->fd, &first, sizeof(first), head->e_shoff) < 0)
			return error_set(err, -EPROTO, "%s does not say how many segments it has",
					 file->path);
		*count = first.sh_info;
	}
	if (*count == 0 || *count > HEADERS_MAX)
		return error_set(err, -EPROTO, "%s has %" PRIu64 " segments; expected 1 to %d",
				 file->path, *count, HEADERS_MAX);
	return 0;
}

/* The first one counts. What cannot be read is none: the file's memory may be all there. */
static void read_notes(struct ram_file *file, const Elf64_Phdr *segment)
{
	uint64_t size = segment->p_filesz < NOTES_SIZE_MAX ? segment->p_filesz : NOTES_SIZE_MAX;
	void *bytes = file->state.size ? NULL : malloc(size);
	struct error ignored;

	if (bytes && fd_read_at(file->fd, bytes, size, segment->p_offset) == 0 &&
	    dump_notes_registers(bytes, size, &file->state, &ignored) < 0)
		machine_state_free(&file->state);
	free(bytes);
}

/* Whether the segment is memory of a piece, which the kernel maps at other addresses as well. */
static bool is_mapped_again(const struct ram_file *file, const struct source *source,
			    const Elf64_Phdr *segment)
{
	for (unsigned i = 0; i < file->piece_count; i++) {
		const struct piece *piece = &file->pieces[i];
		const uint64_t offset = segment->p_paddr - piece->base;

		if (segment->p_paddr >= piece->base &&
		    segment->p_offset == piece->offset + offset &&
		    memory_map_has(guest_memory_map(&source->memory), paddr(segment->p_paddr),
				   segment->p_filesz))
			return true;
	}
	return false;
}

static int add_segment(struct ram_file *file, struct source *source, uint64_t at, struct error *err)
{
	Elf64_Phdr segment;
	int result = fd_read_at(file->fd, &segment, sizeof(segment), at);

	if (result < 0)
		return error_set(err, -EPROTO, "%s is cut short: a program header is not there",
				 file->path);
	if (segment.p_type == PT_NOTE)
		read_notes(file, &segment);
	if (segment.p_type != PT_LOAD || segment.p_filesz == 0)
		return 0;
	guest_memory_read_begin();
	bool is_known = is_mapped_again(file, source, &segment);

	guest_memory_read_end();
	if (is_known)
		return 0;
	if (!is_aligned(segment.p_paddr, PAGE_SIZE))
		return error_set(err, -EPROTO, "%s has memory at %#" PRIx64 ", which is no page",
				 file->path, (uint64_t)segment.p_paddr);
	/* The end of a page may be left out. */
	return add_piece(file, source, segment.p_paddr, align_down(segment.p_filesz, PAGE_SIZE),
			 segment.p_offset, err);
}

static int add_segments(struct ram_file *file, struct source *source, struct error *err)
{
	Elf64_Ehdr head;
	uint64_t count;
	int result = fd_read_at(file->fd, &head, sizeof(head), 0);

	if (result < 0 || head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_CORE ||
	    head.e_machine != EM_X86_64 || head.e_phentsize != sizeof(Elf64_Phdr))
		return error_set(err, -EPROTO, "%s is ELF, but no 64-bit core of x86-64",
				 file->path);
	result = count_headers(file, &head, &count, err);
	for (uint64_t i = 0; result == 0 && i < count; i++)
		result = add_segment(file, source, head.e_phoff + i * sizeof(Elf64_Phdr), err);
	if (result == 0 && file->piece_count == 0)
		return error_set(err, -EPROTO, "%s has no memory", file->path);
	return result;
}

static int begin_memory(struct ram_file *file, struct source *source, struct error *err)
{
	int result = guest_memory_init(&source->memory, err);

	file->piece_count = 0;
	if (result == 0)
		source->memory.budget = &source->budget;
	return result;
}

/* Raw RAM, of which what is behind the first `low` bytes lies from 4 GiB on. */
static int add_split(struct ram_file *file, struct source *source, uint64_t low, struct error *err)
{
	uint64_t size = align_down(file->size, PAGE_SIZE);
	int result = add_piece(file, source, 0, low, 0, err);

	return result < 0 || low == size
		       ? result
		       : add_piece(file, source, HIGH_RAM_BASE, size - low, low, err);
}

/* Whether the guest in this memory finds itself in its place. */
static bool is_in_place(const struct source *source)
{
	const struct guest_hints anywhere = {0};
	struct error ignored;
	struct guest *guest;

	if (guest_find(&source->memory, &anywhere, &guest, &ignored) < 0)
		return false;
	bool result = guest_is_in_place(guest);

	guest_free(guest);
	return result;
}

/* A file of RAM does not tell how the machine had split it: tries what machines do, and else takes it as one piece. */
static int add_raw(struct ram_file *file, struct source *source, struct error *err)
{
	uint64_t lows[RAM_SPLITS_MAX];
	unsigned count = ram_split_list(align_down(file->size, PAGE_SIZE), lows);

	for (unsigned i = 0; count > 1 && i <= count; i++) {
		int result = add_split(file, source, lows[i % count], err);

		if (result < 0 || i == count || is_in_place(source))
			return result;
		guest_memory_destroy(&source->memory);
		result = begin_memory(file, source, err);
		if (result < 0)
			return result;
	}
	return add_split(file, source, lows[0], err);
}

static int add_memory(struct ram_file *file, struct source *source, struct error *err)
{
	char magic[16] = "";

	if (file->size < PAGE_SIZE || fd_read_at(file->fd, magic, sizeof(magic), 0) < 0)
		return error_set(err, -EPROTO, "%s is no file of RAM: it has less than a page",
				 file->path);
	for (size_t i = 0; i < sizeof(other_formats) / sizeof(other_formats[0]); i++)
		if (memcmp(magic, other_formats[i], strlen(other_formats[i])) == 0)
			return error_set(err, -EPROTO,
					 "%s is a compressed dump of makedumpfile's; expected raw "
					 "RAM or an ELF dump, as virsh dump --memory-only --format "
					 "elf writes it",
					 file->path);
	if (memcmp(magic, ELFMAG, SELFMAG) == 0)
		return add_segments(file, source, err);
	return add_raw(file, source, err);
}

static unsigned read_tables(void *own, uint64_t cr3[VCPU_TABLES_MAX])
{
	const struct ram_file *file = own;
	const struct machine_registers *registers;
	unsigned count = 0;

	while (count < VCPU_TABLES_MAX &&
	       (registers = machine_part_find(&file->state, MACHINE_PART_REGISTERS, count,
					      sizeof(*registers))) != NULL)
		cr3[count++] = registers->cr3;
	return count;
}

/* Without one it is memory like any other: what asks for a guest says so. */
static void find_info(struct source *source)
{
	const struct vcpu_tables vcpus = {.read = read_tables, .own = source->own};
	const struct guest_hints anywhere = {.vcpus = &vcpus};
	struct guest_place place = {0};
	struct error ignored;

	if (guest_locate(&source->memory, &anywhere, &place, &ignored) < 0)
		return;
	source->hints = (struct guest_hints){
		.has_info = true, .info = place.info, .is_still = place.is_still};
}

static void free_file(struct ram_file *file)
{
	machine_state_free(&file->state);
	close(file->fd);
	free(file);
}

static void close_file(struct source *source)
{
	struct ram_file *file = source->own;

	guest_memory_destroy(&source->memory);
	free_file(file);
}

static int read_state(const struct source *source, struct machine_state *state, struct error *err)
{
	const struct ram_file *file = source->own;

	if (file->state.size == 0)
		return error_set(err, -ENOTSUP, "%s has no registers of vCPUs", source->name);
	return machine_state_append(state, &file->state, err);
}

static const struct source_ops ops = {.machine_state = read_state, .close = close_file};

/* Only a regular file: opening anything else may block, or have effects. */
static int open_file(struct ram_file *file, struct error *err)
{
	struct stat status;

	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file->fd < 0)
		return error_set(err, -errno, "cannot open %s: %s", file->path, strerror(errno));
	if (fstat(file->fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(file->fd);
		return error_set(err, -EPROTO, "%s is no regular file", file->path);
	}
	file->size = (uint64_t)status.st_size;
	return 0;
}

int ram_file_open(const char *name, struct source *source, struct error *err)
{
	struct ram_file *file = calloc(1, sizeof(*file));

	if (!file)
		return error_set(err, -ENOMEM, "no memory for a file of RAM");
	file->path = name + strlen(RAM_FILE_PREFIX);
	int result = open_file(file, err);

	if (result < 0) {
		free(file);
		return result;
	}
	*source = (struct source){.ops = &ops, .own = file, .has_all_memory = true};
	memory_budget_begin(&source->budget);
	result = begin_memory(file, source, err);
	if (result == 0) {
		result = add_memory(file, source, err);
		/* Another try may have had no memory to begin with. */
		if (result < 0 && source->memory.map)
			guest_memory_destroy(&source->memory);
	}
	if (result < 0) {
		free_file(file);
		return result;
	}
	file->path = NULL;
	find_info(source);
	printable_copy(source->name, sizeof(source->name), name);
	return 0;
}
