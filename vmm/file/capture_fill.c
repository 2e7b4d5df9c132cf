/* SPDX-License-Identifier: MPL-2.0 */
/* Filling a VM's RAM from a capture file: see capture_fill.h. */
#include "file/capture_fill.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "file/capture_data.h"

/* Whether all regions of `map` are memory of `other`. */
static bool covers(const struct memory_map *other, const struct memory_map *map)
{
	for (unsigned i = 0; i < map->count; i++)
		if (!memory_map_covers(other, map->regions[i].base, map->regions[i].size))
			return false;
	return true;
}

int capture_fits(const struct capture_file *capture, const struct guest_memory *ram,
		 struct error *err)
{
	if (covers(capture->memory->map, ram->map) && covers(ram->map, capture->memory->map))
		return 0;
	return error_set(err, -EINVAL,
			 "the file has %" PRIu64 " MiB of RAM, which are not the %" PRIu64
			 " MiB at the VM's addresses",
			 guest_memory_size(capture->memory) >> 20, guest_memory_size(ram) >> 20);
}

/* Writes a chunk to the RAM, whose regions need not end where those of the file do. */
static int put(const struct memory_map *map, const struct capture_chunk *chunk,
	       const uint8_t *bytes, struct error *err)
{
	for (uint64_t done = 0, piece; done < chunk->size; done += piece) {
		paddr_t pa = paddr(chunk->pa + done);
		const struct memory_region *region = memory_map_find(map, pa);

		if (!region || region->fd < 0)
			return error_set(err, -EINVAL,
					 "a chunk of the file is not in the VM's RAM");
		uint64_t inside = pa.addr - region->base.addr, left = region->size - inside;

		piece = left < chunk->size - done ? left : chunk->size - done;
		int result =
			fd_write_at(region->fd, bytes + done, piece, region->fd_offset + inside);

		if (result < 0)
			return error_set(err, result, "cannot write the guest's RAM: %s",
					 strerror(-result));
	}
	return 0;
}

static uint64_t bytes_of(const struct capture_chunk *chunks, uint64_t count)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < count; i++)
		bytes += chunks[i].size;
	return bytes;
}

static int fill(const struct capture_file *capture, const struct memory_map *map, uint8_t *buffer,
		const struct capture_progress *progress, struct error *err)
{
	uint64_t count, done = 0;
	const struct capture_chunk *chunks = capture_data_chunks(capture->data, &count);
	const uint64_t total = bytes_of(chunks, count);
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < count; i++) {
		result = capture_data_read_chunk(capture->data, i, buffer, err);
		if (result == 0)
			result = put(map, &chunks[i], buffer, err);
		done += chunks[i].size;
		if (result == 0 && progress && progress->report &&
		    !progress->report(progress->context, done, total))
			result = error_set(err, -ECANCELED, "cancelled");
	}
	return result;
}

int capture_fill(const struct capture_file *capture, const struct guest_memory *ram,
		 const struct capture_progress *progress, struct error *err)
{
	int result = capture_fits(capture, ram, err);

	if (result < 0)
		return result;
	uint8_t *buffer = malloc(CAPTURE_CHUNK_MAX);

	if (!buffer)
		return error_set(err, -ENOMEM, "no memory to fill the guest's RAM with");
	result = fill(capture, ram->map, buffer, progress, err);
	free(buffer);
	return result;
}
