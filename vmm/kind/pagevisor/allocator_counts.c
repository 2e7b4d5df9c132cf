/* SPDX-License-Identifier: MPL-2.0 */
/* The allocator's own counts: see allocator_counts.h. */
#include "kind/pagevisor/allocator_counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/allocator.h>

/* Anything larger is garbage. */
#define PART_SIZE_MAX 65536
#define DEPOTS_MAX    1024

struct reader {
	const struct guest_memory *memory;
	const struct guest_view *view;
	struct allocator_descriptor at;
	struct free_counts *counts;
	uint8_t part[PART_SIZE_MAX]; /* the pool, a depot, or a cache */
};

static uint64_t word64(const struct reader *reader, uint64_t offset)
{
	uint64_t value;

	memcpy(&value, reader->part + offset, sizeof(value));
	return value;
}

static uint32_t word32(const struct reader *reader, uint64_t offset)
{
	uint32_t value;

	memcpy(&value, reader->part + offset, sizeof(value));
	return value;
}

static bool fits(uint32_t offset, uint64_t count, uint64_t size, uint64_t total)
{
	return offset + count * size <= total;
}

/* Whether all fields that are read here lie within their part. */
static bool is_sound(const struct allocator_descriptor *at)
{
	return at->version == ALLOCATOR_VERSION && at->size == sizeof(*at) &&
	       at->pool_size <= PART_SIZE_MAX && at->cache_size <= PART_SIZE_MAX &&
	       at->block_orders <= FREE_ORDERS_MAX &&
	       fits(at->block_count, at->block_orders, 8, at->pool_size) &&
	       fits(at->parked_count, 1, 8, at->pool_size) &&
	       fits(at->parked_block_count, 1, 8, at->pool_size) && at->depot_count <= DEPOTS_MAX &&
	       at->depot_size <= PART_SIZE_MAX &&
	       fits(at->depot_frames_count, 1, 8, at->depot_size) &&
	       fits(at->depot_blocks_count, 1, 8, at->depot_size) &&
	       fits(at->cache_stack_count, 1, 4, at->cache_size) &&
	       fits(at->cache_freed_count, 1, 4, at->cache_size) &&
	       fits(at->cache_freed, at->cache_freed_max, 8, at->cache_size) &&
	       fits(at->cache_fresh_next, 1, 8, at->cache_size) &&
	       fits(at->cache_fresh_end, 1, 8, at->cache_size) &&
	       fits(at->cache_block_count, 1, 4, at->cache_size);
}

static bool read_part(struct reader *reader, uint64_t va, uint32_t size)
{
	paddr_t pa = paddr(va - reader->view->va_offset);

	return size > 0 && guest_memory_copy(reader->memory, pa, reader->part, size) == 0;
}

/* Adds `count` times `frames` to the free frames and to *sum. Returns false if the guest does not have that many. */
static bool add(struct reader *reader, uint64_t count, uint64_t frames, uint64_t *sum)
{
	uint64_t most = reader->view->slot_count;

	if (count > 0 && (frames == 0 || count > most / frames))
		return false;
	*sum += count * frames;
	reader->counts->free_frames += count * frames;
	return true;
}

/* What the host holds: frames, and blocks that were put aside as one. */
static bool add_parked(struct reader *reader)
{
	const struct allocator_descriptor *at = &reader->at;
	const uint64_t most = reader->view->slot_count;
	uint64_t frames = word64(reader, at->parked_count);
	uint64_t blocks = word64(reader, at->parked_block_count);

	if (frames > most ||
	    (blocks > 0 && (at->kept_frames == 0 || blocks > most / at->kept_frames)))
		return false;
	reader->counts->parked = frames + blocks * at->kept_frames;
	return reader->counts->parked <= most;
}

static bool read_pool(struct reader *reader)
{
	const struct allocator_descriptor *at = &reader->at;
	struct free_counts *counts = reader->counts;

	if (!read_part(reader, at->pool_va, at->pool_size))
		return false;
	counts->orders = at->block_orders;
	for (unsigned order = 0; order < at->block_orders; order++) {
		uint64_t frames = 0;

		counts->blocks[order] = word64(reader, at->block_count + 8 * order);
		if (!add(reader, counts->blocks[order], UINT64_C(1) << order, &frames))
			return false;
	}
	return add_parked(reader);
}

/* The frames of a bundle of single frames, or of blocks of `frames`; 0 if no guest has that many. */
static uint64_t bundle_frames(const struct allocator_descriptor *at, uint64_t frames)
{
	uint64_t bundle = 1 + (uint64_t)at->bundle_nodes * (1 + (uint64_t)at->bundle_leaves);

	return __builtin_mul_overflow(bundle, frames, &bundle) ? 0 : bundle;
}

static bool read_depot(struct reader *reader, unsigned depot)
{
	const struct allocator_descriptor *at = &reader->at;
	uint64_t *frames = &reader->counts->depot;

	return read_part(reader, at->depots_va + (uint64_t)depot * at->depot_size,
			 at->depot_size) &&
	       add(reader, word64(reader, at->depot_frames_count), bundle_frames(at, 1), frames) &&
	       add(reader, word64(reader, at->depot_blocks_count),
		   bundle_frames(at, at->kept_frames), frames);
}

/* The frames in the list of freed ones, without its empty places. */
static uint64_t freed_frames(const struct reader *reader)
{
	const struct allocator_descriptor *at = &reader->at;
	uint32_t count = word32(reader, at->cache_freed_count);
	uint64_t frames = 0;

	for (uint32_t i = 0; i < count && i < at->cache_freed_max; i++)
		frames += word64(reader, at->cache_freed + 8 * (uint64_t)i) != ALLOCATOR_NO_FRAME;
	return frames;
}

/*
 * The frames left of the block that is being used up. Its two ends do not date from one moment: one may belong to the
 * block before, and then they are more than a block apart, or in the wrong order.
 */
static uint64_t fresh_frames(const struct reader *reader)
{
	uint64_t next = word64(reader, reader->at.cache_fresh_next);
	uint64_t end = word64(reader, reader->at.cache_fresh_end);

	return end > next && end - next <= reader->at.kept_frames ? end - next : 0;
}

static bool read_cache(struct reader *reader, unsigned cpu)
{
	const struct allocator_descriptor *at = &reader->at;
	uint64_t *cached = &reader->counts->cached[cpu];

	if (!read_part(reader, at->caches_va + (uint64_t)cpu * at->cache_size, at->cache_size))
		return false;
	return add(reader, word32(reader, at->cache_stack_count), 1, cached) &&
	       add(reader, freed_frames(reader), 1, cached) &&
	       add(reader, fresh_frames(reader), 1, cached) &&
	       add(reader, word32(reader, at->cache_block_count), at->kept_frames, cached);
}

static bool read_all(struct reader *reader)
{
	struct free_counts *counts = reader->counts;

	counts->caches = reader->at.cache_count;
	if (counts->caches > reader->view->cpu_count)
		counts->caches = reader->view->cpu_count;
	if (!read_pool(reader))
		return false;
	for (unsigned depot = 0; depot < reader->at.depot_count; depot++)
		if (!read_depot(reader, depot))
			return false;
	for (unsigned cpu = 0; cpu < counts->caches; cpu++)
		if (!read_cache(reader, cpu))
			return false;
	return true;
}

void allocator_counts_read(const struct guest_memory *memory, const struct guest_view *view,
			   struct free_counts *counts)
{
	struct reader *reader;

	*counts = (struct free_counts){0};
	if (view->allocator.addr == 0) {
		error_set(&counts->why, -ENOENT, "the guest has none yet");
		return;
	}
	reader = malloc(sizeof(*reader));
	if (!reader) {
		error_set(&counts->why, -ENOMEM, "no memory");
		return;
	}
	reader->memory = memory;
	reader->view = view;
	reader->counts = counts;
	if (guest_memory_copy(memory, view->allocator, &reader->at, sizeof(reader->at)) < 0 ||
	    !is_sound(&reader->at))
		error_set(&counts->why, -EPROTO, "its descriptor is broken");
	else if (!read_all(reader))
		error_set(&counts->why, -EPROTO, "its counts cannot be true");
	else
		counts->is_known = true;
	free(reader);
}
