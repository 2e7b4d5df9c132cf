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

#define SECTION_COUNT 4

struct writer {
	const struct snapshot *snapshot;
	const struct capture_vm *vm;
	const struct capture_progress *progress;
	struct capture_written *written;
	int fd;
	uint64_t offset; /* the position of the next byte */
	uint64_t data_total;
	struct capture_section table[SECTION_COUNT];
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
			 (writer->vm->has_info ? CAPTURE_HAS_INFO : 0),
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

static int add_chunk(struct writer *writer, uint64_t pa, uint32_t size, uint32_t stored,
		     struct error *err)
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
	writer->chunks[written->chunks++] = (struct capture_chunk){pa, size, stored};
	written->data_bytes += size;
	return 0;
}

static int write_chunk(struct writer *writer, paddr_t pa, uint32_t size, struct error *err)
{
	const struct capture_progress *progress = writer->progress;

	if (guest_memory_copy(&writer->snapshot->memory, pa, writer->plain, size) < 0)
		return error_set(err, -EFAULT, "part of the snapshot's memory is missing");
	size_t stored = ZSTD_compress2(writer->zstd, writer->packed, writer->packed_size,
				       writer->plain, size);

	if (ZSTD_isError(stored))
		return error_set(err, -EIO, "cannot compress: %s", ZSTD_getErrorName(stored));
	int result = append(writer, writer->packed, stored, err);

	if (result == 0)
		result = add_chunk(writer, pa.addr, size, (uint32_t)stored, err);
	if (result == 0 && progress && progress->report &&
	    !progress->report(progress->context, writer->written->data_bytes, writer->data_total))
		return error_set(err, -ECANCELED, "cancelled");
	return result;
}

/* Writes the chunks for all data of a region. Holes of the snapshot get no chunks. */
static int write_region(struct writer *writer, const struct memory_region *region,
			struct error *err)
{
	uint64_t end = region->fd_offset + region->size;
	int result = 0;

	for (uint64_t at = region->fd_offset; result == 0 && at < end;) {
		at += file_hole(region->fd, at, end - at);

		off_t hole = lseek(region->fd, (off_t)at, SEEK_HOLE);
		uint64_t stop = hole > 0 && (uint64_t)hole < end ? (uint64_t)hole : end;

		while (result == 0 && at < stop) {
			uint32_t size = stop - at < CAPTURE_CHUNK_MAX ? (uint32_t)(stop - at)
								      : CAPTURE_CHUNK_MAX;

			result = write_chunk(writer,
					     paddr(region->base.addr + (at - region->fd_offset)),
					     size, err);
			at += size;
		}
	}
	return result;
}

static int write_data(struct writer *writer, struct error *err)
{
	const struct memory_map *map = writer->snapshot->memory.map;
	uint64_t start = writer->offset;
	int result = 0;

	for (unsigned i = 0; result == 0 && i < map->count; i++)
		result = write_region(writer, &map->regions[i], err);
	add_section(writer, CAPTURE_SECTION_DATA, start, 0);
	return result < 0 ? result
			  : write_section(writer, CAPTURE_SECTION_CHUNKS, writer->chunks,
					  writer->written->chunks * sizeof(writer->chunks[0]), err);
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
	writer->offset = sizeof(struct capture_header) + sizeof(writer->table);
	result = write_map(writer, err);
	if (result == 0)
		result = write_facts(writer, err);
	if (result == 0)
		result = write_data(writer, err);
	if (result == 0)
		result = write_ends(writer, err);
	writer->written->file_bytes = writer->offset;
	return result;
}

int capture_write(const struct snapshot *snapshot, const struct capture_vm *vm, const char *path,
		  const struct capture_progress *progress, struct capture_written *written,
		  struct error *err)
{
	struct writer writer = {
		.snapshot = snapshot, .vm = vm, .progress = progress, .written = written};
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
