/* SPDX-License-Identifier: MPL-2.0 */
/* The copy that a snapshot makes: see snapshot_copy.h. */
#include "memory/snapshot_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "memory/file_hole.h"
#include "memory/zero_page.h"

/* Small enough to stay in a CPU's second-level cache between read and write. */
#define PIECE_SIZE (UINT64_C(256) << 10)

#define FIND_SIZE (UINT64_C(4) << 20)

/* How many bytes of a region are copied at once. */
static uint64_t piece_of(const struct memory_region *region)
{
	return region->reader.chunk > PIECE_SIZE ? region->reader.chunk : PIECE_SIZE;
}

/* Copies the list of regions and duplicates their descriptors, so that they can be read whatever happens to the map. */
static int copy_layout(struct snapshot_copy *copy, const struct guest_memory *memory,
		       struct error *err)
{
	int failed = 0;

	guest_memory_read_begin();
	copy->layout = *guest_memory_map(memory);
	for (unsigned i = 0; i < copy->layout.count; i++) {
		struct memory_region *region = &copy->layout.regions[i];

		if (!memory_region_is_copied(region)) {
			region->fd = fcntl(region->fd, F_DUPFD_CLOEXEC, 0);
			if (region->fd < 0)
				failed = -errno;
		}
		if (copy->buffer_size < piece_of(region))
			copy->buffer_size = piece_of(region);
		copy->offsets[i] = copy->size;
		copy->size += region->size;
	}
	guest_memory_read_end();
	return failed ? error_set(err, failed, "cannot duplicate the guest's memory file: %s",
				  strerror(-failed))
		      : 0;
}

int snapshot_copy_begin(struct snapshot_copy *copy, const struct guest_memory *memory,
			struct error *err)
{
	*copy = (struct snapshot_copy){
		.budget = memory->budget, .fd = -1, .buffer_size = PIECE_SIZE};
	int result = copy_layout(copy, memory, err);

	if (result == 0) {
		copy->fd = memfd_create("pagevisor-snapshot", MFD_CLOEXEC);
		copy->buffer = malloc(copy->buffer_size);
		if (copy->fd < 0 || ftruncate(copy->fd, (off_t)copy->size) < 0)
			result = error_set(err, -errno, "no memory for a snapshot: %s",
					   strerror(errno));
		else if (!copy->buffer)
			result = error_set(err, -ENOMEM, "no memory for a snapshot");
	}
	if (result < 0)
		snapshot_copy_end(copy);
	else
		memset(copy->buffer, 0, copy->buffer_size); /* page faults now, not in the pause */
	return result;
}

/*
 * Takes from the budget what the copy has grown by. The last piece is there already: the budget is exceeded by it at
 * most.
 */
static int pay(struct snapshot_copy *copy, struct error *err)
{
	struct stat status;

	if (!copy->budget || fstat(copy->fd, &status) < 0)
		return 0;
	uint64_t size = (uint64_t)status.st_blocks * 512;

	if (size <= copy->taken)
		return 0;
	int result = memory_budget_take(copy->budget, size - copy->taken,
					"a copy of the guest's memory", err);

	if (result == 0)
		copy->taken = size;
	return result;
}

static void pay_back(struct snapshot_copy *copy)
{
	memory_budget_give(copy->budget, copy->taken);
	copy->taken = 0;
}

static int transfer(uint8_t *buffer, int fd, bool write, uint64_t length, uint64_t offset,
		    struct error *err)
{
	int result = write ? fd_write_at(fd, buffer, length, offset)
			   : fd_read_at(fd, buffer, length, offset);

	if (result == -ENODATA)
		return error_set(err, -EFAULT, "the guest's memory was truncated");
	if (result < 0)
		return error_set(err, result, "cannot %s: %s",
				 write ? "write the snapshot" : "read the guest's memory",
				 strerror(-result));
	return 0;
}

/* Where a range lies in the region's file and in the copy. */
struct place {
	const struct memory_region *region;
	paddr_t pa;
	uint64_t from;
	uint64_t to;
};

static bool find_place(const struct snapshot_copy *copy, paddr_t pa, struct place *place)
{
	place->region = memory_map_find(&copy->layout, pa);
	if (!place->region)
		return false;
	uint64_t offset = pa.addr - place->region->base.addr;

	place->pa = pa;
	place->from = place->region->fd_offset + offset;
	place->to = copy->offsets[place->region - copy->layout.regions] + offset;
	return true;
}

/*
 * Writes the pages that are not all zeros; the others become holes of the copy. For a source that cannot tell where its
 * holes are.
 */
static int write_data(struct snapshot_copy *copy, uint64_t length, uint64_t to, struct error *err)
{
	int result = 0;

	for (uint64_t at = 0, run; result == 0 && at < length; at += run + PAGE_SIZE) {
		for (run = 0; at + run < length && !is_zero_page(copy->buffer + at + run);)
			run += PAGE_SIZE;
		if (run > 0)
			result = transfer(copy->buffer + at, copy->fd, true, run, to + at, err);
	}
	return result;
}

static int copy_by_reader(struct snapshot_copy *copy, const struct place *place, uint64_t at,
			  uint64_t length, struct error *err)
{
	const struct memory_reader *reader = &place->region->reader;
	uint64_t to = place->to + at;
	int result = reader->read(reader->own, paddr(place->pa.addr + at), copy->buffer, length);

	if (result < 0)
		return error_set(err, result, "cannot read the guest's memory: %s",
				 result == -ENOTCONN ? "the VM has ended" : strerror(-result));
	return reader->find_data ? transfer(copy->buffer, copy->fd, true, length, to, err)
				 : write_data(copy, length, to, err);
}

static int copy_by_file(struct snapshot_copy *copy, const struct place *place, uint64_t at,
			uint64_t length, struct error *err)
{
	int result =
		transfer(copy->buffer, place->region->fd, false, length, place->from + at, err);

	return result < 0 ? result
			  : transfer(copy->buffer, copy->fd, true, length, place->to + at, err);
}

static int copy_bytes(struct snapshot_copy *copy, const struct place *place, uint64_t length,
		      struct error *err)
{
	uint64_t most = piece_of(place->region);
	int result = 0;

	for (uint64_t at = 0; result == 0 && at < length; at += most) {
		uint64_t piece = length - at < most ? length - at : most;

		result = memory_region_is_copied(place->region)
				 ? copy_by_reader(copy, place, at, piece, err)
				 : copy_by_file(copy, place, at, piece, err);
	}
	return result < 0 ? result : pay(copy, err);
}

/* snapshot_copy_piece for a copied region. Asks the reader about little more than it copies. */
static int piece_by_reader(struct snapshot_copy *copy, const struct place *place, uint64_t size,
			   uint64_t *length, uint64_t *pages, struct error *err)
{
	const struct memory_reader *reader = &place->region->reader;
	uint64_t asked = size < FIND_SIZE ? size : FIND_SIZE, hole = 0, data = asked;
	uint64_t piece = piece_of(place->region);
	int result = reader->find_data
			     ? reader->find_data(reader->own, place->pa, asked, &hole, &data)
			     : 0;

	if (result < 0)
		return error_set(err, result, "cannot read the guest's memory: %s",
				 result == -ENOTCONN ? "the VM has ended" : strerror(-result));
	*length = hole;
	if (hole > 0)
		return 0;
	*length = data < piece ? data : piece;
	*pages += *length / PAGE_SIZE;
	return copy_bytes(copy, place, *length, err);
}

int snapshot_copy_piece(struct snapshot_copy *copy, paddr_t pa, uint64_t size, uint64_t *length,
			uint64_t *pages, struct error *err)
{
	struct place place;

	if (!find_place(copy, pa, &place))
		return error_set(err, -EFAULT, "%#" PRIx64 " is not guest memory", pa.addr);
	if (memory_region_is_copied(place.region))
		return piece_by_reader(copy, &place, size, length, pages, err);
	/* Finds the end of a stretch of data once: the search takes time in proportion to the stretch. */
	if (place.region != copy->data_region || place.from >= copy->data_end) {
		*length = file_hole(place.region->fd, place.from, size);
		if (*length > 0)
			return 0;
		off_t end = lseek(place.region->fd, (off_t)place.from, SEEK_HOLE);

		copy->data_region = place.region;
		copy->data_end = end < 0 ? place.from + size : (uint64_t)end;
	}
	*length = size < PIECE_SIZE ? size : PIECE_SIZE;
	if (*length > copy->data_end - place.from)
		*length = align_up(copy->data_end - place.from, PAGE_SIZE);
	*pages += *length / PAGE_SIZE;
	return copy_bytes(copy, &place, *length, err);
}

int snapshot_copy_again(struct snapshot_copy *copy, paddr_t pa, uint64_t size, struct error *err)
{
	struct place place;

	if (!find_place(copy, pa, &place))
		return error_set(err, -EFAULT, "%#" PRIx64 " is not guest memory", pa.addr);
	uint64_t hole = memory_region_is_copied(place.region)
				? 0
				: file_hole(place.region->fd, place.from, size);

	/* A hole further on reads as zeros, which is correct. Searching for it would take too long here. */
	if (hole > 0 && fallocate(copy->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  (off_t)place.to, (off_t)hole) < 0)
		return error_set(err, -errno, "cannot punch a hole: %s", strerror(errno));
	place.pa.addr += hole;
	place.from += hole;
	place.to += hole;
	return copy_bytes(copy, &place, size - hole, err);
}

int snapshot_copy_clear(struct snapshot_copy *copy, struct error *err)
{
	copy->data_region = NULL;
	if (ftruncate(copy->fd, 0) < 0 || ftruncate(copy->fd, (off_t)copy->size) < 0)
		return error_set(err, -errno, "cannot clear the snapshot: %s", strerror(errno));
	pay_back(copy);
	return 0;
}

bool snapshot_copy_fits(const struct snapshot_copy *copy, const struct guest_memory *memory)
{
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);
	bool fits = map->count == copy->layout.count;

	for (unsigned i = 0; fits && i < map->count; i++) {
		const struct memory_region *a = &map->regions[i], *b = &copy->layout.regions[i];

		fits = a->base.addr == b->base.addr && a->size == b->size &&
		       a->fd_offset == b->fd_offset;
	}
	guest_memory_read_end();
	return fits;
}

int snapshot_copy_finish(struct snapshot_copy *copy, struct guest_memory *memory, int *fd,
			 uint64_t *taken, struct error *err)
{
	int result = guest_memory_init(memory, err);

	if (result < 0)
		return result;
	for (unsigned i = 0; result == 0 && i < copy->layout.count; i++)
		result = guest_memory_add(memory, copy->layout.regions[i].base,
					  copy->layout.regions[i].size, copy->fd, copy->offsets[i],
					  false, err);
	if (result < 0) {
		guest_memory_destroy(memory);
		return result;
	}
	memory->budget = copy->budget;
	*fd = copy->fd;
	copy->fd = -1;
	*taken = copy->taken;
	copy->taken = 0;
	return 0;
}

void snapshot_copy_end(struct snapshot_copy *copy)
{
	for (unsigned i = 0; i < copy->layout.count; i++)
		fd_close(copy->layout.regions[i].fd);
	fd_close(copy->fd);
	pay_back(copy);
	free(copy->buffer);
	copy->buffer = NULL;
	copy->fd = -1;
}
