/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading a capture file: see capture.h. Each part is read once, checked, and only then used. What is allocated for the
 * file's lists never exceeds the size of the file; capture_data.h has the data.
 */
#include "file/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/crc32c.h"
#include "base/fd.h"
#include "base/printable.h"
#include "file/capture_data.h"

_Static_assert(CAPTURE_RAM_MAX == GUEST_MEMORY_MAX, "what can be inspected can be captured");

struct reader {
	int fd;
	const char *name;
	uint64_t file_size;
	uint32_t version;
	unsigned known_sections; /* of this version */
	struct memory_budget *budget;
	struct capture_section sections[CAPTURE_SECTION_LAST + 1]; /* indexed by type */
	unsigned region_count;
	struct capture_region regions[MEMORY_REGIONS_MAX];
	uint64_t ram_size;
	struct capture_chunk *chunks;
	uint64_t chunk_count;
};

static int damaged(const struct reader *reader, struct error *err, const char *what)
{
	return error_set(err, -EPROTO, "%s is not a valid capture file: %s", reader->name, what);
}

/* A newer writer may give a meaning to what is reserved, and a reader that ignores it would be wrong about the rest. */
static int unknown(const struct reader *reader, struct error *err, const char *where)
{
	return error_set(err, -EPROTO, "%s is not a capture file of version %d: %s reserved bits",
			 reader->name, (int)reader->version, where);
}

static bool is_zero(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
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

static int check_header(struct reader *reader, const struct capture_header *header,
			struct error *err)
{
	struct capture_header copy = *header;

	copy.header_checksum = 0;
	if (header->magic != CAPTURE_MAGIC)
		return damaged(reader, err, "it does not start with the magic number");
	if (header->version != CAPTURE_VERSION && header->version != 1)
		return error_set(err, -EPROTO,
				 "%s is a capture file of version %u; version %d is needed",
				 reader->name, header->version, CAPTURE_VERSION);
	reader->version = header->version;
	reader->known_sections = header->version == 1 ? CAPTURE_SECTION_CHUNKS
						      : CAPTURE_SECTION_LAST;
	if (crc32c(0, &copy, sizeof(copy)) != header->header_checksum)
		return damaged(reader, err, "the header's checksum is wrong");
	if (header->header_size != sizeof(*header) ||
	    header->section_entry_size != sizeof(struct capture_section))
		return damaged(reader, err, "its header has the wrong size");
	if (!is_zero(header->reserved, sizeof(header->reserved)))
		return unknown(reader, err, "its header sets");
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

	if (count < reader->known_sections)
		return damaged(reader, err, "a section is missing");
	for (unsigned i = 0; i < count; i++) {
		if (table[i].offset != offset || table[i].size > reader->file_size - offset)
			return damaged(reader, err, "a section is not where it should be");
		offset += table[i].size;
		if (table[i].reserved || (table[i].flags & ~CAPTURE_SECTION_OPTIONAL))
			return unknown(reader, err, "its section table sets");
		if (i < reader->known_sections) {
			if (table[i].type != i + 1)
				return damaged(reader, err, "a section is missing");
			if (table[i].flags)
				return unknown(reader, err, "its section table sets");
			reader->sections[i + 1] = table[i];
		} else if (!(table[i].flags & CAPTURE_SECTION_OPTIONAL)) {
			return damaged(reader, err, "it has a section of an unknown type");
		} else if (table[i].type <= reader->known_sections) {
			return damaged(reader, err, "a section occurs twice");
		}
	}
	if (reader->sections[CAPTURE_SECTION_DATA].checksum)
		return unknown(reader, err, "its section table sets");
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

/* Behind the end of a text all bytes are zero. */
static bool is_padded(const char text[64])
{
	size_t length = strnlen(text, 64);

	return is_zero(text + length, 64 - length);
}

static int read_facts(struct reader *reader, struct capture_facts *facts, struct error *err)
{
	int result;

	if (reader->sections[CAPTURE_SECTION_FACTS].size != sizeof(*facts))
		return damaged(reader, err, "its facts have the wrong size");
	result = read_section(reader, CAPTURE_SECTION_FACTS, facts, err);
	if (result < 0)
		return result;
	const uint32_t flags = reader->version == 1 ? CAPTURE_FLAGS_1 : CAPTURE_FLAGS;

	if (facts->reserved || (facts->flags & ~flags))
		return unknown(reader, err, "its facts set");
	if (facts->method > SNAPSHOT_DIRTY_LOG)
		return damaged(reader, err, "its facts name an unknown method");
	if (!is_padded(facts->vm_name) || !is_padded(facts->host_kernel) ||
	    !is_padded(facts->host_cpu) || !is_padded(facts->program))
		return unknown(reader, err, "a text in its facts sets");
	printable_copy(facts->vm_name, sizeof(facts->vm_name), facts->vm_name);
	printable_copy(facts->host_kernel, sizeof(facts->host_kernel), facts->host_kernel);
	printable_copy(facts->host_cpu, sizeof(facts->host_cpu), facts->host_cpu);
	printable_copy(facts->program, sizeof(facts->program), facts->program);
	return 0;
}

/* Whether one region holds all of a chunk. *region is where to begin the search: chunks and regions are sorted. */
static bool is_in_region(const struct reader *reader, const struct capture_chunk *chunk,
			 unsigned *region)
{
	const struct capture_region *regions = reader->regions;

	while (*region < reader->region_count &&
	       chunk->pa >= regions[*region].base + regions[*region].size)
		++*region;
	return *region < reader->region_count && chunk->pa >= regions[*region].base &&
	       chunk->size <= regions[*region].size - (chunk->pa - regions[*region].base);
}

/* Whether the chunk is stored as an entry can say: plain with a checksum, or as a frame, which has its own. */
static int check_stored(const struct reader *reader, const struct capture_chunk *chunk,
			struct error *err)
{
	bool is_plain = chunk->flags & CAPTURE_CHUNK_PLAIN;

	if ((chunk->flags & ~CAPTURE_CHUNK_PLAIN) || (!is_plain && chunk->checksum))
		return unknown(reader, err, "a chunk sets");
	if (is_plain ? chunk->stored != chunk->size
		     : chunk->stored > ZSTD_compressBound(CAPTURE_CHUNK_MAX))
		return damaged(reader, err, "a chunk has the wrong packed size");
	return 0;
}

/*
 * Checks that the chunks are whole pages, sorted and within the regions, and that together they fill the data
 * section, in their order.
 */
static int check_chunks(const struct reader *reader, struct error *err)
{
	const struct capture_section *data = &reader->sections[CAPTURE_SECTION_DATA];
	const uint32_t most = reader->sections[CAPTURE_SECTION_MACHINE].size ? CAPTURE_BLOCK
									     : CAPTURE_CHUNK_MAX;
	uint64_t after = 0, stored = 0;
	unsigned region = 0;
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < reader->chunk_count; i++) {
		const struct capture_chunk *chunk = &reader->chunks[i];

		if (chunk->size == 0 || chunk->size > most ||
		    !is_aligned(chunk->pa | chunk->size, PAGE_SIZE))
			return damaged(reader, err, "a chunk is not whole pages");
		if (most == CAPTURE_BLOCK && chunk->size > most - chunk->pa % most)
			return damaged(reader, err, "a chunk lies across two blocks");
		if (chunk->pa < after)
			return damaged(reader, err, "chunks overlap or are not sorted");
		if (!is_in_region(reader, chunk, &region))
			return damaged(reader, err, "a chunk lies outside the guest's memory");
		if (chunk->offset != data->offset + stored)
			return damaged(reader, err, "a chunk is not where it should be");
		after = chunk->pa + chunk->size;
		stored += chunk->stored;
		result = check_stored(reader, chunk, err);
	}
	if (result == 0 && stored != data->size)
		return damaged(reader, err, "its chunks do not fill the data section");
	return result;
}

/*
 * Makes chunks of the list of a file of version 1, which lies at the start of the room for them. Goes from the last to the
 * first, for an old entry is the smaller one.
 */
static void convert_chunks(struct reader *reader)
{
	uint64_t offset = reader->sections[CAPTURE_SECTION_DATA].offset;
	struct capture_chunk_1 old;

	for (uint64_t i = reader->chunk_count; i-- > 0;) {
		memcpy(&old, (const uint8_t *)reader->chunks + i * sizeof(old), sizeof(old));
		reader->chunks[i] = (struct capture_chunk){
			.pa = old.pa, .size = old.size, .stored = old.stored};
	}
	for (uint64_t i = 0; i < reader->chunk_count; i++) {
		reader->chunks[i].offset = offset;
		offset += reader->chunks[i].stored;
	}
}

static int read_chunks(struct reader *reader, struct error *err)
{
	uint64_t size = reader->sections[CAPTURE_SECTION_CHUNKS].size;
	size_t entry = reader->version == 1 ? sizeof(struct capture_chunk_1)
					    : sizeof(reader->chunks[0]);
	int result;

	if (size % entry || size / entry > CAPTURE_CHUNKS_MAX)
		return damaged(reader, err, "its list of chunks has the wrong size");
	reader->chunk_count = size / entry;
	size = reader->chunk_count * sizeof(reader->chunks[0]);
	/* capture_data_new takes it, with what else it needs. */
	result = memory_budget_check(reader->budget, size, reader->name, err);
	if (result < 0)
		return result;
	reader->chunks = malloc(size + 1);
	if (!reader->chunks)
		return error_set(err, -ENOMEM, "no memory for the list of chunks");
	result = read_section(reader, CAPTURE_SECTION_CHUNKS, reader->chunks, err);
	if (result == 0 && reader->version == 1)
		convert_chunks(reader);
	return result < 0 ? result : check_chunks(reader, err);
}

/* The parts are walked here, so that whoever looks for one later finds it or none. What is in them the engine checks. */
static int read_machine(struct reader *reader, struct machine_state *machine, struct error *err)
{
	uint64_t size = reader->sections[CAPTURE_SECTION_MACHINE].size;

	if (size > MACHINE_STATE_MAX)
		return damaged(reader, err, "its machine is too large");
	if (size == 0)
		return reader->sections[CAPTURE_SECTION_MACHINE].checksum
			       ? damaged(reader, err, "a section's checksum is wrong")
			       : 0;
	machine->bytes = malloc(size);
	if (!machine->bytes)
		return error_set(err, -ENOMEM, "no memory for the state of the machine");
	machine->size = machine->capacity = size;
	int result = read_section(reader, CAPTURE_SECTION_MACHINE, machine->bytes, err);

	if (result == 0 && !machine_state_is_whole(machine))
		return damaged(reader, err, "a part of its machine is invalid");
	return result;
}

/* Reads and checks all but the data, which is read when it is needed. */
static int read_file(struct reader *reader, struct capture_file *capture, struct error *err)
{
	int result = read_table(reader, err);

	if (result == 0)
		result = read_map(reader, err);
	if (result == 0)
		result = read_facts(reader, &capture->facts, err);
	if (result == 0)
		result = read_chunks(reader, err);
	return result < 0 ? result : read_machine(reader, &capture->machine, err);
}

static int add_regions(const struct reader *reader, struct capture_data *data,
		       struct guest_memory *memory, struct error *err)
{
	const struct memory_reader by = capture_data_reader(data);
	int result = guest_memory_init(memory, err);

	if (result < 0)
		return result;
	for (unsigned i = 0; result == 0 && i < reader->region_count; i++)
		result = guest_memory_add_copied(memory, paddr(reader->regions[i].base),
						 reader->regions[i].size, &by, err);
	if (result < 0)
		guest_memory_destroy(memory);
	return result;
}

/* The data gets a descriptor of its own, and the list of chunks. */
static int make_data(struct reader *reader, struct memory_budget *budget,
		     struct capture_data **data, struct error *err)
{
	int fd = fcntl(reader->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, -errno, "cannot duplicate a descriptor: %s", strerror(errno));
	struct capture_chunk *chunks = reader->chunks;

	reader->chunks = NULL;
	return capture_data_new(fd, reader->name, chunks, reader->chunk_count, budget, data, err);
}

int capture_load(int fd, const char *name, struct memory_budget *budget,
		 struct guest_memory *memory, struct capture_file *capture, struct error *err)
{
	struct reader reader = {.fd = fd, .name = name, .budget = budget};
	struct stat status;
	int result = 0;

	*capture = (struct capture_file){.memory = memory};
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		result = damaged(&reader, err, "it is not a file");
	reader.file_size = result == 0 ? (uint64_t)status.st_size : 0;
	if (result == 0)
		result = read_file(&reader, capture, err);
	if (result == 0)
		result = make_data(&reader, budget, &capture->data, err);
	if (result == 0)
		result = add_regions(&reader, capture->data, memory, err);
	free(reader.chunks);
	if (result < 0) {
		capture_data_free(capture->data);
		machine_state_free(&capture->machine);
		return result;
	}
	memory->budget = budget;
	return 0;
}

int capture_open(const char *path, struct memory_budget *budget, struct guest_memory *memory,
		 struct capture_file *capture, struct error *err)
{
	/* O_NONBLOCK: do not wait for the other end of a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	int result = capture_load(fd, path, budget, memory, capture, err);

	close(fd);
	return result;
}

void capture_close(struct capture_file *capture)
{
	guest_memory_destroy(capture->memory);
	capture_data_free(capture->data);
	machine_state_free(&capture->machine);
}
