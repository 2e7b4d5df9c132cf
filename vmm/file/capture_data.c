/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's memory in a capture file, unpacked when it is read: see capture_data.h. */
#include "file/capture_data.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <zstd.h>

#include "base/crc32c.h"
#include "base/fd.h"
#include "memory/zero_page.h"

#define CHUNK_PAGES (CAPTURE_CHUNK_MAX / PAGE_SIZE)
#define NO_CHUNK    UINT64_MAX

/* Adjacent chunks that one search for data looks at: it may report less than there is, and stays short. */
#define FIND_CHUNKS 64

/* A chunk that is kept: its pages that are not all zeros, in order. */
struct kept {
	struct kept *newer; /* in the order of use */
	struct kept *older;
	uint64_t chunk;
	uint64_t bytes;                      /* all of this */
	uint64_t has_data[CHUNK_PAGES / 64]; /* a bit for each page */
	_Alignas(PAGE_SIZE) uint8_t pages[];
};

struct capture_data {
	int fd;
	char *name; /* for messages */
	struct memory_budget *budget;
	uint64_t fixed_bytes; /* taken from the budget for the lists below */
	const struct capture_chunk *chunks;
	uint64_t count;

	pthread_mutex_t lock; /* protects all that follows */
	struct kept **kept;   /* of each chunk, NULL: none */
	uint64_t *seen;       /* a bit for each chunk that was unpacked before */
	struct kept *newest;
	struct kept *oldest;
	struct capture_data_counts counts;
	ZSTD_DCtx *zstd;
	uint8_t *packed;
	size_t packed_size;
	uint8_t *plain;       /* CAPTURE_CHUNK_MAX bytes: the chunk that was unpacked last */
	uint64_t plain_chunk; /* NO_CHUNK: none */
	int failed;           /* 0, or the error of all further reads */
	struct error failure;
};

/* Memory with a guest's data, which core dumps leave out. Zeroed. Returns NULL if there is none. */
static void *secret_alloc(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, size, MADV_DONTDUMP) == 0)
		return memory;
	munmap(memory, size);
	return NULL;
}

static void secret_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

static void unlink_kept(struct capture_data *data, struct kept *kept)
{
	*(kept->newer ? &kept->newer->older : &data->newest) = kept->older;
	*(kept->older ? &kept->older->newer : &data->oldest) = kept->newer;
}

static void link_newest(struct capture_data *data, struct kept *kept)
{
	kept->newer = NULL;
	kept->older = data->newest;
	*(data->newest ? &data->newest->newer : &data->oldest) = kept;
	data->newest = kept;
}

static void drop(struct capture_data *data, struct kept *kept)
{
	unlink_kept(data, kept);
	data->kept[kept->chunk] = NULL;
	data->counts.kept_bytes -= kept->bytes;
	memory_budget_give(data->budget, kept->bytes);
	secret_free(kept, kept->bytes);
}

/* Memory for a chunk with so many pages of data; others make room. NULL: there is no room. */
static struct kept *make_room(struct capture_data *data, uint64_t pages)
{
	uint64_t bytes = sizeof(struct kept) + pages * PAGE_SIZE;
	struct error ignored;

	while (memory_budget_left(data->budget) < bytes && data->oldest)
		drop(data, data->oldest);
	if (memory_budget_take(data->budget, bytes, data->name, &ignored) < 0)
		return NULL;
	struct kept *kept = secret_alloc(bytes);

	if (kept)
		kept->bytes = bytes;
	else
		memory_budget_give(data->budget, bytes);
	return kept;
}

/* Keeps the chunk in the buffer, if there is room. */
static void keep(struct capture_data *data)
{
	uint64_t chunk = data->plain_chunk, has_data[CHUNK_PAGES / 64] = {0}, count = 0;
	uint64_t pages = data->chunks[chunk].size / PAGE_SIZE;

	for (uint64_t i = 0; i < pages; i++) {
		bool is_data = !is_zero_page(data->plain + i * PAGE_SIZE);

		has_data[i / 64] |= (uint64_t)is_data << i % 64;
		count += is_data;
	}
	struct kept *kept = make_room(data, count);

	if (!kept)
		return;
	kept->chunk = chunk;
	memcpy(kept->has_data, has_data, sizeof(has_data));
	count = 0;
	for (uint64_t i = 0; i < pages; i++)
		if (has_data[i / 64] >> i % 64 & 1)
			memcpy(kept->pages + count++ * PAGE_SIZE, data->plain + i * PAGE_SIZE,
			       PAGE_SIZE);
	data->counts.kept_bytes += kept->bytes;
	data->kept[chunk] = kept;
	link_newest(data, kept);
}

/* Makes this and all further reads fail. */
static int fail(struct capture_data *data, int code, const char *what)
{
	data->failed = code;
	return error_set(&data->failure, code, "%s is not a valid capture file: %s", data->name,
			 what);
}

/*
 * Whether the packed bytes are exactly one frame of the chunk's size with a checksum: bit 2 of the byte after the magic
 * (RFC 8878, 3.1.1.1.1).
 */
static bool is_good_frame(const struct capture_data *data, const struct capture_chunk *chunk)
{
	return chunk->stored > 5 && (data->packed[4] & 4) &&
	       ZSTD_getFrameContentSize(data->packed, chunk->stored) == chunk->size &&
	       ZSTD_findFrameCompressedSize(data->packed, chunk->stored) == chunk->stored;
}

/* Reads `stored` bytes of a chunk. */
static int read_stored(struct capture_data *data, const struct capture_chunk *chunk, void *buffer)
{
	int result = fd_read_at(data->fd, buffer, chunk->stored, chunk->offset);

	if (result == -ENODATA)
		return fail(data, -EPROTO, "it ends early");
	return result < 0 ? fail(data, result, strerror(-result)) : 0;
}

static int unpack_frame(struct capture_data *data, const struct capture_chunk *chunk, void *buffer)
{
	int result = chunk->stored > data->packed_size
			     ? fail(data, -EPROTO, "a chunk's packed size is too large")
			     : read_stored(data, chunk, data->packed);

	if (result < 0)
		return result;
	if (!is_good_frame(data, chunk))
		return fail(data, -EPROTO, "a chunk is not one frame of the right size");
	size_t size =
		ZSTD_decompressDCtx(data->zstd, buffer, chunk->size, data->packed, chunk->stored);

	if (size != chunk->size)
		return fail(data, -EPROTO,
			    ZSTD_isError(size) ? "a chunk does not unpack, or its checksum is wrong"
					       : "a chunk unpacks to another size");
	return 0;
}

/* Unpacks a chunk into a buffer. */
static int unpack_to(struct capture_data *data, uint64_t index, void *buffer)
{
	const struct capture_chunk *chunk = &data->chunks[index];
	int result;

	if (chunk->flags & CAPTURE_CHUNK_PLAIN) {
		result = read_stored(data, chunk, buffer);
		if (result == 0 && crc32c(0, buffer, chunk->size) != chunk->checksum)
			result = fail(data, -EPROTO, "a chunk's checksum is wrong");
	} else {
		result = unpack_frame(data, chunk, buffer);
	}
	data->counts.unpacked += result == 0;
	return result;
}

static int unpack(struct capture_data *data, uint64_t index)
{
	data->plain_chunk = NO_CHUNK;
	int result = unpack_to(data, index, data->plain);

	if (result == 0)
		data->plain_chunk = index;
	return result;
}

static void copy_kept(const struct kept *kept, uint64_t offset, uint8_t *buffer, size_t length)
{
	uint64_t page = offset / PAGE_SIZE, count = 0;

	for (uint64_t i = 0; i < page / 64; i++)
		count += (unsigned)__builtin_popcountll(kept->has_data[i]);
	if (page % 64)
		count += (unsigned)__builtin_popcountll(kept->has_data[page / 64] &
							(UINT64_MAX >> (64 - page % 64)));
	for (size_t at = 0, piece; at < length; at += piece, page++) {
		uint64_t inside = (offset + at) % PAGE_SIZE;

		piece = PAGE_SIZE - inside < length - at ? PAGE_SIZE - inside : length - at;
		if (kept->has_data[page / 64] >> page % 64 & 1)
			memcpy(buffer + at, kept->pages + count++ * PAGE_SIZE + inside, piece);
		else
			memset(buffer + at, 0, piece);
	}
}

static int copy_chunk(struct capture_data *data, uint64_t index, uint64_t offset, uint8_t *buffer,
		      size_t length)
{
	uint64_t bit = UINT64_C(1) << index % 64;
	struct kept *kept = data->kept[index];

	if (kept) {
		unlink_kept(data, kept);
		link_newest(data, kept);
		copy_kept(kept, offset, buffer, length);
		return 0;
	}
	if (data->plain_chunk != index) {
		int result = unpack(data, index);

		if (result < 0)
			return result;
		if (data->seen[index / 64] & bit)
			keep(data);
		data->seen[index / 64] |= bit;
	}
	memcpy(buffer, data->plain + offset, length);
	return 0;
}

/* The first chunk that ends after pa; `count` if there is none. */
static uint64_t chunk_from(const struct capture_data *data, uint64_t pa)
{
	uint64_t first = 0, end = data->count;

	while (first < end) {
		uint64_t middle = first + (end - first) / 2;

		if (data->chunks[middle].pa + data->chunks[middle].size > pa)
			end = middle;
		else
			first = middle + 1;
	}
	return first;
}

static int read_locked(struct capture_data *data, uint64_t pa, uint8_t *buffer, size_t length)
{
	int result = data->failed;

	for (uint64_t index = chunk_from(data, pa); result == 0 && length > 0; index++) {
		uint64_t start = index < data->count ? data->chunks[index].pa : UINT64_MAX;
		size_t hole = start <= pa ? 0 : start - pa < length ? start - pa : length;

		memset(buffer, 0, hole);
		pa += hole;
		buffer += hole;
		length -= hole;
		if (length == 0)
			break;
		uint64_t left = start + data->chunks[index].size - pa;
		size_t piece = left < length ? left : length;

		result = copy_chunk(data, index, pa - start, buffer, piece);
		pa += piece;
		buffer += piece;
		length -= piece;
	}
	return result;
}

static int read_memory(void *own, paddr_t pa, void *buffer, size_t length)
{
	struct capture_data *data = own;

	pthread_mutex_lock(&data->lock);
	int result = read_locked(data, pa.addr, buffer, length);

	pthread_mutex_unlock(&data->lock);
	return result;
}

/* The list of chunks does not change, so this takes no lock. */
static int find_data(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *found)
{
	const struct capture_data *data = own;
	uint64_t index = chunk_from(data, pa.addr), end = pa.addr + length, at = pa.addr;
	uint64_t last = data->count - index < FIND_CHUNKS ? data->count : index + FIND_CHUNKS;

	if (index < data->count && data->chunks[index].pa > at)
		at = data->chunks[index].pa;
	if (index == data->count || at > end)
		at = end;
	*hole = at - pa.addr;
	for (; at < end && index < last && data->chunks[index].pa <= at; index++)
		at = data->chunks[index].pa + data->chunks[index].size;
	*found = (at < end ? at : end) - pa.addr - *hole;
	return 0;
}

struct memory_reader capture_data_reader(struct capture_data *data)
{
	return (struct memory_reader){
		.read = read_memory,
		.find_data = find_data,
		.own = data,
		.chunk = CAPTURE_CHUNK_MAX,
		.is_constant = true,
	};
}

const struct capture_chunk *capture_data_chunks(const struct capture_data *data, uint64_t *count)
{
	*count = data->count;
	return data->chunks;
}

int capture_data_read_chunk(struct capture_data *data, uint64_t index, void *buffer,
			    struct error *err)
{
	pthread_mutex_lock(&data->lock);
	if (!data->failed)
		unpack_to(data, index, buffer);
	int failed = data->failed;

	if (failed)
		*err = data->failure;
	pthread_mutex_unlock(&data->lock);
	return failed;
}

int capture_data_failure(struct capture_data *data, struct error *err)
{
	pthread_mutex_lock(&data->lock);
	int failed = data->failed;

	if (failed)
		*err = data->failure;
	pthread_mutex_unlock(&data->lock);
	return failed;
}

struct capture_data_counts capture_data_count(struct capture_data *data)
{
	pthread_mutex_lock(&data->lock);
	struct capture_data_counts counts = data->counts;

	pthread_mutex_unlock(&data->lock);
	return counts;
}

static int allocate(struct capture_data *data, const char *name, uint64_t count, struct error *err)
{
	uint64_t bytes = count * (sizeof(data->chunks[0]) + sizeof(data->kept[0])) + count / 8 +
			 CAPTURE_CHUNK_MAX + data->packed_size;
	int result = memory_budget_take(data->budget, bytes, name, err);

	if (result < 0)
		return result;
	data->fixed_bytes = bytes;
	data->name = strdup(name);
	data->kept = calloc(count + 1, sizeof(struct kept *));
	data->seen = calloc(count / 64 + 1, sizeof(data->seen[0]));
	data->zstd = ZSTD_createDCtx();
	data->packed = secret_alloc(data->packed_size);
	data->plain = secret_alloc(CAPTURE_CHUNK_MAX);
	if (!data->name || !data->kept || !data->seen || !data->zstd || !data->packed ||
	    !data->plain)
		return error_set(err, -ENOMEM, "no memory to unpack %s with", name);
	return 0;
}

int capture_data_new(int fd, const char *name, struct capture_chunk *chunks, uint64_t count,
		     struct memory_budget *budget, struct capture_data **made, struct error *err)
{
	struct capture_data *data = calloc(1, sizeof(*data));

	if (!data) {
		fd_close(fd);
		free(chunks);
		return error_set(err, -ENOMEM, "no memory to unpack %s with", name);
	}
	*data = (struct capture_data){
		.fd = fd,
		.budget = budget,
		.chunks = chunks,
		.count = count,
		.packed_size = ZSTD_compressBound(CAPTURE_CHUNK_MAX),
		.plain_chunk = NO_CHUNK,
	};
	pthread_mutex_init(&data->lock, NULL);
	int result = allocate(data, name, count, err);

	if (result < 0) {
		capture_data_free(data);
		return result;
	}
	*made = data;
	return 0;
}

void capture_data_free(struct capture_data *data)
{
	if (!data)
		return;
	while (data->oldest)
		drop(data, data->oldest);
	memory_budget_give(data->budget, data->fixed_bytes);
	pthread_mutex_destroy(&data->lock);
	ZSTD_freeDCtx(data->zstd);
	secret_free(data->packed, data->packed_size);
	secret_free(data->plain, CAPTURE_CHUNK_MAX);
	fd_close(data->fd);
	free((void *)data->chunks);
	free(data->kept);
	free(data->seen);
	free(data->name);
	free(data);
}
