/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading a capture file: see capture.h. Each part is read once, checked, and only then used. What is allocated because
 * the file asks for it never exceeds the size of the file, and its data never exceeds the unpacked size.
 */
#include "file/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/crc32c.h"
#include "base/fd.h"
#include "base/printable.h"

_Static_assert(CAPTURE_RAM_MAX == GUEST_MEMORY_MAX, "what can be inspected can be captured");

struct reader {
	int fd;
	const char *name;
	uint64_t file_size;
	uint64_t data_max;
	struct capture_section sections[CAPTURE_SECTION_CHUNKS + 1]; /* indexed by type */
	unsigned region_count;
	struct capture_region regions[MEMORY_REGIONS_MAX];
	uint64_t ram_size;
	struct capture_chunk *chunks;
	uint64_t chunk_count;
	int memory_fd;
	ZSTD_DCtx *zstd;
	uint8_t *plain;
	uint8_t *packed;
	size_t packed_size;
};

static int damaged(const struct reader *reader, struct error *err, const char *what)
{
	return error_set(err, -EPROTO, "%s is not a valid capture file: %s", reader->name, what);
}

static int read_at(const struct reader *reader, void *buffer, size_t length, uint64_t offset,
		   struct error *err)
{
	int result = fd_read_at(reader->fd, buffer, length, offset);

	if (result == -ENODATA)
		return damaged(reader, err, "it ends early");
	if (result < 0)
		return error_set(err, result, "cannot read %s: %s", reader->name,
				 strerror(-result));
	return 0;
}

static int check_header(const struct reader *reader, const struct capture_header *header,
			struct error *err)
{
	struct capture_header copy = *header;

	copy.header_checksum = 0;
	if (header->magic != CAPTURE_MAGIC)
		return damaged(reader, err, "it does not start with the magic number");
	if (header->version != CAPTURE_VERSION)
		return error_set(err, -EPROTO,
				 "%s is a capture file of version %u; version %d is needed",
				 reader->name, header->version, CAPTURE_VERSION);
	if (crc32c(0, &copy, sizeof(copy)) != header->header_checksum)
		return damaged(reader, err, "the header's checksum is wrong");
	if (header->header_size != sizeof(*header) ||
	    header->section_entry_size != sizeof(struct capture_section))
		return damaged(reader, err, "its header has the wrong size");
	if (header->file_size != reader->file_size)
		return damaged(reader, err, "its size is not the one in the header");
	if (header->section_count > CAPTURE_SECTIONS_MAX)
		return damaged(reader, err, "too many sections");
	return 0;
}

static int check_end(const struct reader *reader, uint64_t offset, struct error *err)
{
	struct capture_end end;
	int result;

	if (offset != reader->file_size - sizeof(end))
		return damaged(reader, err, "its sections do not fill it");
	result = read_at(reader, &end, sizeof(end), offset, err);
	if (result < 0)
		return result;
	if (end.magic != CAPTURE_END_MAGIC || end.file_size != reader->file_size)
		return damaged(reader, err, "it has no end marker");
	return 0;
}

/* Checks that the sections fill the file without gaps, and that the known ones come first, in order and complete. */
static int check_table(struct reader *reader, const struct capture_section *table, unsigned count,
		       struct error *err)
{
	uint64_t offset = sizeof(struct capture_header) + count * sizeof(table[0]);

	if (count < CAPTURE_SECTION_CHUNKS)
		return damaged(reader, err, "a section is missing");
	for (unsigned i = 0; i < count; i++) {
		if (table[i].offset != offset || table[i].size > reader->file_size - offset)
			return damaged(reader, err, "a section is not where it should be");
		offset += table[i].size;
		if (i < CAPTURE_SECTION_CHUNKS) {
			if (table[i].type != i + 1)
				return damaged(reader, err, "a section is missing");
			reader->sections[i + 1] = table[i];
		} else if (!(table[i].flags & CAPTURE_SECTION_OPTIONAL)) {
			return damaged(reader, err, "it has a section of an unknown type");
		}
	}
	return check_end(reader, offset, err);
}

static int read_table(struct reader *reader, struct error *err)
{
	struct capture_header header;
	struct capture_section table[CAPTURE_SECTIONS_MAX];
	int result;

	if (reader->file_size < sizeof(header) + sizeof(struct capture_end))
		return damaged(reader, err, "it is too short");
	result = read_at(reader, &header, sizeof(header), 0, err);
	if (result == 0)
		result = check_header(reader, &header, err);
	if (result < 0)
		return result;
	size_t size = header.section_count * sizeof(table[0]);

	if (size > reader->file_size - sizeof(header) - sizeof(struct capture_end))
		return damaged(reader, err, "it ends early");
	result = read_at(reader, table, size, sizeof(header), err);
	if (result < 0)
		return result;
	if (crc32c(0, table, size) != header.table_checksum)
		return damaged(reader, err, "the section table's checksum is wrong");
	return check_table(reader, table, header.section_count, err);
}

/* Reads a whole section, which fits the buffer. */
static int read_section(const struct reader *reader, enum capture_section_type type, void *buffer,
			struct error *err)
{
	const struct capture_section *section = &reader->sections[type];
	int result = read_at(reader, buffer, section->size, section->offset, err);

	if (result == 0 && crc32c(0, buffer, section->size) != section->checksum)
		return damaged(reader, err, "a section's checksum is wrong");
	return result;
}

static int read_map(struct reader *reader, struct error *err)
{
	uint64_t size = reader->sections[CAPTURE_SECTION_MAP].size, after = 0;
	int result;

	if (size == 0 || size % sizeof(reader->regions[0]) || size > sizeof(reader->regions))
		return damaged(reader, err, "its memory map has the wrong size");
	result = read_section(reader, CAPTURE_SECTION_MAP, reader->regions, err);
	if (result < 0)
		return result;
	reader->region_count = (unsigned)(size / sizeof(reader->regions[0]));
	for (unsigned i = 0; i < reader->region_count; i++) {
		const struct capture_region *region = &reader->regions[i];

		if (region->size == 0 || !is_aligned(region->base | region->size, PAGE_SIZE) ||
		    region->base < after || region->base > CAPTURE_ADDRESS_END ||
		    region->size > CAPTURE_ADDRESS_END - region->base)
			return damaged(reader, err, "its memory map has an invalid region");
		after = region->base + region->size;
		reader->ram_size += region->size;
	}
	if (reader->ram_size > CAPTURE_RAM_MAX)
		return damaged(reader, err, "its memory map has too much memory");
	return 0;
}

static int read_facts(struct reader *reader, struct capture_facts *facts, struct error *err)
{
	int result;

	if (reader->sections[CAPTURE_SECTION_FACTS].size != sizeof(*facts))
		return damaged(reader, err, "its facts have the wrong size");
	result = read_section(reader, CAPTURE_SECTION_FACTS, facts, err);
	if (result < 0)
		return result;
	if (facts->method > SNAPSHOT_DIRTY_LOG)
		return damaged(reader, err, "its facts name an unknown method");
	printable_copy(facts->vm_name, sizeof(facts->vm_name), facts->vm_name);
	printable_copy(facts->host_kernel, sizeof(facts->host_kernel), facts->host_kernel);
	printable_copy(facts->host_cpu, sizeof(facts->host_cpu), facts->host_cpu);
	printable_copy(facts->program, sizeof(facts->program), facts->program);
	return 0;
}

/* The index of the region that holds all of a chunk, or -1. */
static int region_of(const struct reader *reader, const struct capture_chunk *chunk)
{
	for (unsigned i = 0; i < reader->region_count; i++) {
		const struct capture_region *region = &reader->regions[i];
		uint64_t offset = chunk->pa - region->base;

		if (chunk->pa >= region->base && offset < region->size)
			return chunk->size <= region->size - offset ? (int)i : -1;
	}
	return -1;
}

/*
 * Checks that the chunks are whole pages, sorted and within the regions, that together they fill the data section, and
 * that they unpack to no more than data_max.
 */
static int check_chunks(const struct reader *reader, struct error *err)
{
	uint64_t after = 0, data = 0, stored = 0;

	for (uint64_t i = 0; i < reader->chunk_count; i++) {
		const struct capture_chunk *chunk = &reader->chunks[i];

		if (chunk->size == 0 || chunk->size > CAPTURE_CHUNK_MAX ||
		    !is_aligned(chunk->pa | chunk->size, PAGE_SIZE))
			return damaged(reader, err, "a chunk is not whole pages");
		if (chunk->pa < after)
			return damaged(reader, err, "chunks overlap or are not sorted");
		if (region_of(reader, chunk) < 0)
			return damaged(reader, err, "a chunk lies outside the guest's memory");
		if (chunk->stored > reader->packed_size)
			return damaged(reader, err, "a chunk's packed size is too large");
		after = chunk->pa + chunk->size;
		data += chunk->size;
		stored += chunk->stored;
	}
	if (stored != reader->sections[CAPTURE_SECTION_DATA].size)
		return damaged(reader, err, "its chunks do not fill the data section");
	if (data > reader->data_max)
		return error_set(err, -E2BIG,
				 "%s unpacks to %" PRIu64 " MiB, more than the limit of %" PRIu64
				 " MiB",
				 reader->name, data >> 20, reader->data_max >> 20);
	return 0;
}

static int read_chunks(struct reader *reader, struct error *err)
{
	uint64_t size = reader->sections[CAPTURE_SECTION_CHUNKS].size;
	int result;

	if (size % sizeof(reader->chunks[0]) ||
	    size / sizeof(reader->chunks[0]) > CAPTURE_CHUNKS_MAX)
		return damaged(reader, err, "its list of chunks has the wrong size");
	reader->chunk_count = size / sizeof(reader->chunks[0]);
	reader->chunks = malloc(size + 1);
	if (!reader->chunks)
		return error_set(err, -ENOMEM, "no memory for the list of chunks");
	result = read_section(reader, CAPTURE_SECTION_CHUNKS, reader->chunks, err);
	return result < 0 ? result : check_chunks(reader, err);
}

/*
 * Whether the chunk is exactly one frame of its size with a checksum: bit 2 of the byte after the magic (RFC 8878,
 * 3.1.1.1.1).
 */
static bool is_good_frame(const struct reader *reader, const struct capture_chunk *chunk)
{
	return chunk->stored > 5 && (reader->packed[4] & 4) &&
	       ZSTD_getFrameContentSize(reader->packed, chunk->stored) == chunk->size &&
	       ZSTD_findFrameCompressedSize(reader->packed, chunk->stored) == chunk->stored;
}

static int write_memory(const struct reader *reader, uint64_t offset, size_t length,
			struct error *err)
{
	int result = fd_write_at(reader->memory_fd, reader->plain, length, offset);

	if (result < 0)
		return error_set(err, result, "no memory for the data of %s: %s", reader->name,
				 strerror(-result));
	return 0;
}

/* The offset of a region in the memfd. */
static uint64_t region_offset(const struct reader *reader, int region)
{
	uint64_t offset = 0;

	for (int i = 0; i < region; i++)
		offset += reader->regions[i].size;
	return offset;
}

static int load_chunk(const struct reader *reader, const struct capture_chunk *chunk,
		      uint64_t offset, struct error *err)
{
	int region = region_of(reader, chunk);
	int result = read_at(reader, reader->packed, chunk->stored, offset, err);

	if (result < 0)
		return result;
	if (!is_good_frame(reader, chunk))
		return damaged(reader, err, "a chunk is not one frame of the right size");
	size_t size = ZSTD_decompressDCtx(reader->zstd, reader->plain, chunk->size, reader->packed,
					  chunk->stored);

	if (size != chunk->size)
		return damaged(reader, err,
			       ZSTD_isError(size)
				       ? "a chunk does not unpack, or its checksum is wrong"
				       : "a chunk unpacks to another size");
	return write_memory(
		reader, region_offset(reader, region) + (chunk->pa - reader->regions[region].base),
		size, err);
}

static int load_data(struct reader *reader, struct error *err)
{
	uint64_t offset = reader->sections[CAPTURE_SECTION_DATA].offset;
	int result = 0;

	reader->memory_fd = memfd_create("pagevisor-capture", MFD_CLOEXEC);
	if (reader->memory_fd < 0 || ftruncate(reader->memory_fd, (off_t)reader->ram_size) < 0)
		return error_set(err, -errno, "no memory for the data of %s: %s", reader->name,
				 strerror(errno));
	for (uint64_t i = 0; result == 0 && i < reader->chunk_count; i++) {
		result = load_chunk(reader, &reader->chunks[i], offset, err);
		offset += reader->chunks[i].stored;
	}
	return result;
}

static int read_file(struct reader *reader, struct capture_facts *facts, struct error *err)
{
	int result = read_table(reader, err);

	reader->packed_size = ZSTD_compressBound(CAPTURE_CHUNK_MAX);
	reader->zstd = ZSTD_createDCtx();
	reader->plain = malloc(CAPTURE_CHUNK_MAX);
	reader->packed = malloc(reader->packed_size);
	if (result == 0 && (!reader->zstd || !reader->plain || !reader->packed))
		result = error_set(err, -ENOMEM, "no memory to unpack with");
	if (result == 0)
		result = read_map(reader, err);
	if (result == 0)
		result = read_facts(reader, facts, err);
	if (result == 0)
		result = read_chunks(reader, err);
	if (result == 0)
		result = load_data(reader, err);
	ZSTD_freeDCtx(reader->zstd);
	free(reader->plain);
	free(reader->packed);
	free(reader->chunks);
	return result;
}

static int add_regions(const struct reader *reader, struct guest_memory *memory, struct error *err)
{
	int result = guest_memory_init(memory, err);

	if (result < 0)
		return result;
	for (unsigned i = 0; result == 0 && i < reader->region_count; i++)
		result = guest_memory_add(memory, paddr(reader->regions[i].base),
					  reader->regions[i].size, reader->memory_fd,
					  region_offset(reader, (int)i), false, err);
	if (result < 0)
		guest_memory_destroy(memory);
	return result;
}

int capture_load(int fd, const char *name, uint64_t data_max, struct guest_memory *memory,
		 struct capture_file *capture, struct error *err)
{
	struct reader reader = {.fd = fd, .name = name, .data_max = data_max, .memory_fd = -1};
	struct stat status;
	int result = 0;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		result = damaged(&reader, err, "it is not a file");
	reader.file_size = result == 0 ? (uint64_t)status.st_size : 0;
	if (result == 0)
		result = read_file(&reader, &capture->facts, err);
	if (result == 0)
		result = add_regions(&reader, memory, err);
	if (result < 0) {
		fd_close(reader.memory_fd);
		return result;
	}
	capture->memory = memory;
	capture->memory_fd = reader.memory_fd;
	return 0;
}

int capture_open(const char *path, struct guest_memory *memory, struct capture_file *capture,
		 struct error *err)
{
	uint64_t host_memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	/* O_NONBLOCK: do not wait for the other end of a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	int result = capture_load(fd, path, host_memory / 2, memory, capture, err);

	close(fd);
	return result;
}

void capture_close(struct capture_file *capture)
{
	guest_memory_destroy(capture->memory);
	close(capture->memory_fd);
}
