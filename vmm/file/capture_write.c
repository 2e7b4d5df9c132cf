/* SPDX-License-Identifier: MPL-2.0 */
/* Writing a capture file: see capture.h. */
#include "file/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <zstd.h>

#include "base/crc32c.h"
#include "base/fd.h"
#include "base/new_file.h"
#include "base/version.h"
#include "memory/file_hole.h"

/* A fast level: a capture of metadata is written in well under a second, and higher levels gain little on it. */
#define COMPRESSION_LEVEL 3

struct writer {
	const struct snapshot *snapshot;
	const struct capture_vm *vm;
	struct capture_content content;
	bool has_machine;
	const struct capture_progress *progress;
	struct capture_written *written;
	int fd;
	uint64_t offset; /* the position of the next byte */
	uint64_t data_total;
	struct capture_section table[CAPTURE_SECTION_LAST];
	unsigned section_count;
	struct capture_chunk *chunks;
	uint64_t chunk_capacity;
	ZSTD_CCtx *zstd;
	uint8_t *plain; /* CAPTURE_CHUNK_MAX bytes */
	uint8_t *packed;
	size_t packed_size;
};

static int write_at(const struct writer *writer, const void *bytes, size_t length, uint64_t offset,
		    struct error *err)
{
	int result = fd_write_at(writer->fd, bytes, length, offset);

	if (result < 0)
		return error_set(err, result, "cannot write the capture: %s", strerror(-result));
	return 0;
}

static int append(struct writer *writer, const void *bytes, size_t length, struct error *err)
{
	int result = write_at(writer, bytes, length, writer->offset, err);

	writer->offset += length;
	return result;
}

/* Adds the section that reaches from `start` to the end of what has been written. */
static void add_section(struct writer *writer, enum capture_section_type type, uint64_t start,
			uint32_t checksum)
{
	writer->table[writer->section_count++] = (struct capture_section){
		.type = type,
		.offset = start,
		.size = writer->offset - start,
		.checksum = checksum,
	};
}

static int write_section(struct writer *writer, enum capture_section_type type, const void *bytes,
			 size_t length, struct error *err)
{
	uint64_t start = writer->offset;
	int result = append(writer, bytes, length, err);

	add_section(writer, type, start, crc32c(0, bytes, length));
	return result;
}

static int write_map(struct writer *writer, struct error *err)
{
	const struct memory_map *map = writer->snapshot->memory.map;
	struct capture_region regions[MEMORY_REGIONS_MAX];

	for (unsigned i = 0; i < map->count; i++)
		regions[i] =
			(struct capture_region){map->regions[i].base.addr, map->regions[i].size};
	return write_section(writer, CAPTURE_SECTION_MAP, regions, map->count * sizeof(regions[0]),
			     err);
}

/* The name of the host's CPU from /proc/cpuinfo; the text stays as it is when there is none. */
static void host_cpu_text(char *text, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !value)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(text, size, "%s", value + 1 + strspn(value + 1, " "));
		break;
	}
	fclose(file);
}

static int write_facts(struct writer *writer, struct error *err)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct capture_facts facts = {
		.info_pa = writer->vm->info.addr,
		.time_s = (uint64_t)time(NULL),
		.paused_ns = snapshot->facts.paused_ns,
		.pages_running = snapshot->facts.pages_running,
		.pages_paused = snapshot->facts.pages_paused,
		.duration_ns = snapshot->facts.duration_ns,
		.flags = (snapshot->facts.all_memory ? CAPTURE_ALL_MEMORY : 0) |
			 (writer->vm->has_info ? CAPTURE_HAS_INFO : 0) |
			 (writer->content.pages ? CAPTURE_WITHOUT_FREE : 0),
		.cpu_count = writer->vm->cpu_count,
		.method = snapshot->facts.method,
		.program = "pagevisor " PAGEVISOR_VERSION,
	};
	struct utsname system;
	char kernel[sizeof(system) * 2] = "";

	if (uname(&system) == 0)
		snprintf(kernel, sizeof(kernel), "%s %s %s", system.sysname, system.release,
			 system.machine);
	memcpy(facts.vm_name, writer->vm->name,
	       strnlen(writer->vm->name, sizeof(facts.vm_name) - 1));
	memcpy(facts.host_kernel, kernel, strnlen(kernel, sizeof(facts.host_kernel) - 1));
	host_cpu_text(facts.host_cpu, sizeof(facts.host_cpu));
	return write_section(writer, CAPTURE_SECTION_FACTS, &facts, sizeof(facts), err);
}

static int add_chunk(struct writer *writer, const struct capture_chunk *chunk, struct error *err)
{
	struct capture_written *written = writer->written;

	if (written->chunks == CAPTURE_CHUNKS_MAX)
		return error_set(err, -EFBIG, "the guest's data takes more than %u chunks",
				 CAPTURE_CHUNKS_MAX);
	if (written->chunks == writer->chunk_capacity) {
		uint64_t capacity = writer->chunk_capacity ? writer->chunk_capacity * 2 : 1024;
		void *chunks = realloc(writer->chunks, capacity * sizeof(writer->chunks[0]));

		if (!chunks)
			return error_set(err, -ENOMEM, "no memory for the list of chunks");
		writer->chunks = chunks;
		writer->chunk_capacity = capacity;
	}
	writer->chunks[written->chunks++] = *chunk;
	written->data_bytes += chunk->size;
	return 0;
}

/* Writes the chunk that lies in writer->plain, and sets how and where it is stored. */
static int store_chunk(struct writer *writer, struct capture_chunk *chunk, struct error *err)
{
	chunk->offset = writer->offset;
	if (writer->content.is_plain) {
		chunk->stored = chunk->size;
		chunk->flags = CAPTURE_CHUNK_PLAIN;
		chunk->checksum = crc32c(0, writer->plain, chunk->size);
		return append(writer, writer->plain, chunk->size, err);
	}
	size_t stored = ZSTD_compress2(writer->zstd, writer->packed, writer->packed_size,
				       writer->plain, chunk->size);

	if (ZSTD_isError(stored))
		return error_set(err, -EIO, "cannot compress: %s", ZSTD_getErrorName(stored));
	chunk->stored = (uint32_t)stored;
	return append(writer, writer->packed, stored, err);
}

static int write_chunk(struct writer *writer, paddr_t pa, uint32_t size, struct error *err)
{
	const struct capture_progress *progress = writer->progress;
	struct capture_chunk chunk = {.pa = pa.addr, .size = size};

	if (guest_memory_copy(&writer->snapshot->memory, pa, writer->plain, size) < 0)
		return error_set(err, -EFAULT, "part of the snapshot's memory is missing");
	int result = store_chunk(writer, &chunk, err);

	if (result == 0)
		result = add_chunk(writer, &chunk, err);
	if (result == 0 && progress && progress->report &&
	    !progress->report(progress->context, writer->written->data_bytes, writer->data_total))
		return error_set(err, -ECANCELED, "cancelled");
	return result;
}

/* How much of the `left` bytes at pa the next chunk takes. */
static uint32_t chunk_size(const struct writer *writer, uint64_t pa, uint64_t left)
{
	uint64_t most = writer->has_machine ? CAPTURE_BLOCK - pa % CAPTURE_BLOCK
					    : CAPTURE_CHUNK_MAX;

	return (uint32_t)(left < most ? left : most);
}

/* Writes the chunks for all data of a piece of a region. Holes of the snapshot get no chunks. */
static int write_piece(struct writer *writer, const struct memory_region *region, paddr_t pa,
		       uint64_t size, struct error *err)
{
	uint64_t at = region->fd_offset + (pa.addr - region->base.addr), end = at + size;
	int result = 0;

	while (result == 0 && at < end) {
		at += file_hole(region->fd, at, end - at);

		off_t hole = lseek(region->fd, (off_t)at, SEEK_HOLE);
		uint64_t stop = hole > 0 && (uint64_t)hole < end ? (uint64_t)hole : end;

		while (result == 0 && at < stop) {
			uint64_t from = region->base.addr + (at - region->fd_offset);
			uint32_t length = chunk_size(writer, from, stop - at);

			result = write_chunk(writer, paddr(from), length, err);
			at += length;
		}
	}
	return result;
}

static int write_regions(struct writer *writer, struct error *err)
{
	const struct memory_map *map = writer->snapshot->memory.map;
	int result = 0;

	for (unsigned i = 0; result == 0 && i < map->count; i++)
		result = write_piece(writer, &map->regions[i], map->regions[i].base,
				     map->regions[i].size, err);
	return result;
}

static int write_pages(struct writer *writer, const struct page_set *pages, struct error *err)
{
	const struct memory_map *map = writer->snapshot->memory.map;
	uint64_t at = 0, size;
	paddr_t pa;
	int result = 0;

	while (result == 0 && (size = page_set_next(pages, &at, &pa)) > 0) {
		const struct memory_region *region = memory_map_find(map, pa);

		if (!region || size > region->size - (pa.addr - region->base.addr))
			return error_set(err, -EFAULT, "a page is not in the snapshot's memory");
		result = write_piece(writer, region, pa, size, err);
	}
	return result;
}

static int write_data(struct writer *writer, struct error *err)
{
	uint64_t start = writer->offset;
	int result = writer->content.pages ? write_pages(writer, writer->content.pages, err)
					   : write_regions(writer, err);

	add_section(writer, CAPTURE_SECTION_DATA, start, 0);
	return result < 0 ? result
			  : write_section(writer, CAPTURE_SECTION_CHUNKS, writer->chunks,
					  writer->written->chunks * sizeof(writer->chunks[0]), err);
}

static int write_machine(struct writer *writer, struct error *err)
{
	const struct machine_state *machine = writer->content.machine;

	return write_section(writer, CAPTURE_SECTION_MACHINE, machine ? machine->bytes : NULL,
			     machine ? machine->size : 0, err);
}

/* The header is written last, so an incomplete file has none. */
static int write_ends(struct writer *writer, struct error *err)
{
	struct capture_header header = {
		.magic = CAPTURE_MAGIC,
		.version = CAPTURE_VERSION,
		.header_size = sizeof(header),
		.section_count = writer->section_count,
		.section_entry_size = sizeof(writer->table[0]),
		.file_size = writer->offset + sizeof(struct capture_end),
		.table_checksum = crc32c(0, writer->table, sizeof(writer->table)),
	};
	const struct capture_end end = {CAPTURE_END_MAGIC, header.file_size};
	int result = append(writer, &end, sizeof(end), err);

	header.header_checksum = crc32c(0, &header, sizeof(header));
	if (result == 0)
		result =
			write_at(writer, writer->table, sizeof(writer->table), sizeof(header), err);
	if (result == 0)
		result = write_at(writer, &header, sizeof(header), 0, err);
	return result;
}

static int write_all(struct writer *writer, struct error *err)
{
	struct stat status;
	int result;

	writer->packed_size = ZSTD_compressBound(CAPTURE_CHUNK_MAX);
	writer->zstd = ZSTD_createCCtx();
	writer->plain = malloc(CAPTURE_CHUNK_MAX);
	writer->packed = malloc(writer->packed_size);
	if (!writer->zstd || !writer->plain || !writer->packed)
		return error_set(err, -ENOMEM, "no memory to compress with");
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
	if (fstat(writer->snapshot->fd, &status) == 0)
		writer->data_total = (uint64_t)status.st_blocks * 512;
	if (writer->content.pages && page_set_bytes(writer->content.pages) < writer->data_total)
		writer->data_total = page_set_bytes(writer->content.pages);
	writer->offset = sizeof(struct capture_header) + sizeof(writer->table);
	result = write_map(writer, err);
	if (result == 0)
		result = write_facts(writer, err);
	if (result == 0)
		result = write_data(writer, err);
	if (result == 0)
		result = write_machine(writer, err);
	if (result == 0)
		result = write_ends(writer, err);
	writer->written->file_bytes = writer->offset;
	return result;
}

int capture_write(const struct snapshot *snapshot, const struct capture_vm *vm,
		  const struct capture_content *content, const char *path,
		  const struct capture_progress *progress, struct capture_written *written,
		  struct error *err)
{
	struct writer writer = {
		.snapshot = snapshot,
		.vm = vm,
		.content = content ? *content : (struct capture_content){0},
		.has_machine = content && content->machine && content->machine->size,
		.progress = progress,
		.written = written,
	};
	struct new_file file;

	*written = (struct capture_written){0};
	if (*path == '\0')
		return error_set(err, -EINVAL, "a capture needs a file name");
	int result = new_file_create(&file, path);

	if (result == -EINVAL)
		return error_set(err, -EINVAL, "%s is not a file", path);
	if (result < 0)
		return error_set(err, result, "cannot create %s: %s", path, strerror(-result));
	writer.fd = file.fd;
	result = write_all(&writer, err);
	if (result < 0) {
		new_file_abandon(&file);
	} else {
		result = new_file_finish(&file, true);
		if (result < 0)
			error_set(err, result, "cannot create %s: %s", path, strerror(-result));
	}
	ZSTD_freeCCtx(writer.zstd);
	free(writer.plain);
	free(writer.packed);
	free(writer.chunks);
	return result;
}
