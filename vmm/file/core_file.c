/* SPDX-License-Identifier: MPL-2.0 */
/* Writing a core: see core_file.h. */
#include "file/core_file.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/new_file.h"
#include "memory/ranges.h"

#define PIECE_SIZE (UINT64_C(1) << 20)

#define NOTE_ALIGN 4

struct writer {
	const struct core_contents *contents;
	const struct core_progress *progress;
	struct core_written *written;
	int fd;
	struct memory_ranges ranges; /* the regions */
	Elf64_Phdr *segments;        /* the notes first, then the regions */
	unsigned segment_count;
	uint64_t done, total; /* bytes of memory */
	uint8_t *piece;       /* PIECE_SIZE bytes */
	/* The next pages that are written, from where the writer is. */
	uint64_t next_page;
	uint64_t wanted_start, wanted_end;
};

static int cannot_write(int result, struct error *err)
{
	return error_set(err, result, "cannot write the core: %s", strerror(-result));
}

static uint64_t end_of(const struct memory_range *range)
{
	return range->base.addr + range->size;
}

static void add_segment(struct writer *writer, uint64_t va, uint64_t pa, uint64_t size,
			uint64_t offset)
{
	writer->segments[writer->segment_count++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = offset,
		.p_vaddr = va,
		.p_paddr = pa,
		.p_filesz = size,
		.p_memsz = size,
		/* As in dumps of QEMU and of kdump: crash takes cores with an alignment for those of another tool. */
		.p_align = 0,
	};
}

/* The parts of a mapping that lie in regions, which are the first segments behind the notes. */
static void add_mapping(struct writer *writer, const struct address_mapping *mapping)
{
	const uint64_t start = mapping->pa.addr, end = start + (mapping->size - 1);

	for (unsigned i = 0; i < writer->ranges.count; i++) {
		const struct memory_range *range = &writer->ranges.list[i];
		uint64_t first = start > range->base.addr ? start : range->base.addr;
		uint64_t last = end < end_of(range) - 1 ? end : end_of(range) - 1;

		if (first <= last)
			add_segment(writer, mapping->va + (first - start), first, last - first + 1,
				    writer->segments[1 + i].p_offset + (first - range->base.addr));
	}
}

static bool count_segments(const struct writer *writer, uint64_t *count)
{
	const struct address_space *space = writer->contents->space;

	*count = 1 + writer->ranges.count;
	for (unsigned i = 0; i < space->count; i++) {
		const struct address_mapping *mapping = &space->list[i];

		for (unsigned j = 0; j < writer->ranges.count; j++)
			*count += mapping->pa.addr < end_of(&writer->ranges.list[j]) &&
				  mapping->pa.addr + (mapping->size - 1) >=
					  writer->ranges.list[j].base.addr;
	}
	return *count < PN_XNUM;
}

static int make_segments(struct writer *writer, struct error *err)
{
	const struct address_space *space = writer->contents->space;
	const size_t notes_size = writer->contents->notes->size;
	uint64_t count, at;

	if (!count_segments(writer, &count))
		return error_set(err, -E2BIG,
				 "the guest's kernel maps its memory in too many parts");
	writer->segments = calloc(count, sizeof(writer->segments[0]));
	if (!writer->segments)
		return error_set(err, -ENOMEM, "no memory for the segments of a core");
	at = sizeof(Elf64_Ehdr) + count * sizeof(writer->segments[0]);
	writer->segments[writer->segment_count++] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = notes_size, .p_align = NOTE_ALIGN};
	at = align_up(at + notes_size, PAGE_SIZE);
	for (unsigned i = 0; i < writer->ranges.count; i++) {
		const struct memory_range *range = &writer->ranges.list[i];

		add_segment(writer, space->linear_va + range->base.addr, range->base.addr,
			    range->size, at);
		at += range->size;
	}
	for (unsigned i = 0; i < space->count; i++)
		add_mapping(writer, &space->list[i]);
	writer->written->file_bytes = at;
	writer->written->segments = writer->segment_count - 1;
	return 0;
}

static int write_heads(const struct writer *writer, struct error *err)
{
	const struct core_notes *notes = writer->contents->notes;
	const Elf64_Ehdr head = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(head),
		.e_ehsize = sizeof(head),
		.e_phentsize = sizeof(writer->segments[0]),
		.e_phnum = (Elf64_Half)writer->segment_count,
	};
	int result = fd_write_at(writer->fd, &head, sizeof(head), 0);

	if (result == 0)
		result = fd_write_at(writer->fd, writer->segments,
				     writer->segment_count * sizeof(writer->segments[0]),
				     head.e_phoff);
	if (result == 0)
		result = fd_write_at(writer->fd, notes->bytes, notes->size,
				     writer->segments[0].p_offset);
	return result < 0 ? cannot_write(result, err) : 0;
}

/* Moves on to the first pages that are written at `pa` or behind it. */
static void find_wanted(struct writer *writer, uint64_t pa)
{
	const struct page_set *set = writer->contents->pages;

	if (!set)
		writer->wanted_end = UINT64_MAX;
	while (writer->wanted_end <= pa) {
		paddr_t start;
		uint64_t size = page_set_next(set, &writer->next_page, &start);

		writer->wanted_start = size ? start.addr : UINT64_MAX;
		writer->wanted_end = size ? start.addr + size : UINT64_MAX;
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE_SIZE - 1) == 0;
}

/* Writes the pages of a piece that are not zero. */
static int write_piece(struct writer *writer, uint64_t offset, uint64_t size, struct error *err)
{
	for (uint64_t at = 0, end; at < size; at = end) {
		end = at + PAGE_SIZE;
		if (is_zero(writer->piece + at))
			continue;
		while (end < size && !is_zero(writer->piece + end))
			end += PAGE_SIZE;
		int result = fd_write_at(writer->fd, writer->piece + at, end - at, offset + at);

		if (result < 0)
			return cannot_write(result, err);
		writer->written->data_bytes += end - at;
	}
	return 0;
}

/* Copies what is at `pa`, at most `length` bytes: a hole and a piece of the data behind it. */
static int copy_some(struct writer *writer, uint64_t pa, uint64_t length, uint64_t offset,
		     uint64_t *copied, struct error *err)
{
	const struct guest_memory *memory = writer->contents->memory;
	uint64_t hole, data;
	int result = guest_memory_find_data(memory, paddr(pa), length, &hole, &data);

	if (result == 0 && data > PIECE_SIZE)
		data = PIECE_SIZE;
	if (result == 0 && data)
		result = guest_memory_copy(memory, paddr(pa + hole), writer->piece, data);
	if (result < 0)
		return error_set(err, result, "cannot read the guest's memory: %s",
				 strerror(-result));
	*copied = hole + data;
	return data ? write_piece(writer, offset + hole, data, err) : 0;
}

static int write_region(struct writer *writer, const struct memory_range *range, uint64_t offset,
			struct error *err)
{
	const struct core_progress *progress = writer->progress;

	for (uint64_t pa = range->base.addr, copied = 0; pa < end_of(range); pa += copied) {
		find_wanted(writer, pa);
		if (pa < writer->wanted_start) {
			copied = least(writer->wanted_start, end_of(range)) - pa;
		} else {
			uint64_t stop = least(writer->wanted_end, end_of(range));
			int result = copy_some(writer, pa, stop - pa,
					       offset + (pa - range->base.addr), &copied, err);

			if (result < 0)
				return result;
		}
		writer->done += copied;
		if (!progress->report(progress->context, writer->done, writer->total))
			return error_set(err, -ECANCELED, "cancelled");
	}
	return 0;
}

static int write_all(struct writer *writer, struct error *err)
{
	struct stat status;

	writer->piece = malloc(PIECE_SIZE);
	if (!writer->piece)
		return error_set(err, -ENOMEM, "no memory to copy with");
	int result = make_segments(writer, err);

	if (result == 0)
		result = write_heads(writer, err);
	if (result == 0 && ftruncate(writer->fd, (off_t)writer->written->file_bytes) < 0)
		result = cannot_write(-errno, err);
	for (unsigned i = 0; result == 0 && i < writer->ranges.count; i++)
		result = write_region(writer, &writer->ranges.list[i],
				      writer->segments[1 + i].p_offset, err);
	/* Some file systems say how much a file takes only once it is on the disk. */
	if (result == 0 && (fsync(writer->fd) < 0 || fstat(writer->fd, &status) < 0))
		result = cannot_write(-errno, err);
	if (result == 0)
		writer->written->disk_bytes = (uint64_t)status.st_blocks * 512;
	return result;
}

int core_write(const struct core_contents *contents, const char *path, bool replaces,
	       const struct core_progress *progress, struct core_written *written,
	       struct error *err)
{
	struct writer writer = {.contents = contents, .progress = progress, .written = written};
	struct new_file file;

	*written = (struct core_written){0};
	memory_ranges_all(contents->memory, &writer.ranges);
	writer.total = memory_ranges_bytes(&writer.ranges);
	int result = new_file_create(&file, path);

	if (result == -EINVAL)
		return error_set(err, result, "%s is not a file", path);
	if (result < 0)
		return error_set(err, result, "cannot create %s: %s", path, strerror(-result));
	writer.fd = file.fd;
	result = write_all(&writer, err);
	if (result < 0) {
		new_file_abandon(&file);
	} else {
		result = new_file_finish(&file, replaces);
		if (result < 0)
			error_set(err, result, "cannot create %s: %s", path, strerror(-result));
	}
	free(writer.segments);
	free(writer.piece);
	return result;
}
