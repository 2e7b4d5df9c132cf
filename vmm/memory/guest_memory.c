/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's physical memory: see guest_memory.h. */
#include "memory/guest_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "memory/file_hole.h"
#include "memory/rcu.h"

const struct memory_region *memory_map_find(const struct memory_map *map, paddr_t pa)
{
	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_region *region = &map->regions[i];

		if (pa.addr >= region->base.addr && pa.addr - region->base.addr < region->size)
			return region;
	}
	return NULL;
}

bool memory_map_has(const struct memory_map *map, paddr_t pa, uint64_t length)
{
	const struct memory_region *region = memory_map_find(map, pa);

	return region && length > 0 && length <= region->size - (pa.addr - region->base.addr);
}

/* How much of a range, from its start, one region holds; 0: there is no region, or the range is empty or wraps. */
static uint64_t length_within(const struct memory_map *map, paddr_t pa, uint64_t length)
{
	const struct memory_region *region = memory_map_find(map, pa);

	if (!region || length > UINT64_MAX - pa.addr)
		return 0;
	uint64_t left = region->size - (pa.addr - region->base.addr);

	return length < left ? length : left;
}

bool memory_map_covers(const struct memory_map *map, paddr_t pa, uint64_t length)
{
	uint64_t part;

	if (length == 0)
		return false;
	for (; length > 0; pa.addr += part, length -= part) {
		part = length_within(map, pa, length);
		if (part == 0)
			return false;
	}
	return true;
}

/* The region that holds all of a range, or NULL. */
static const struct memory_region *find_whole(const struct memory_map *map, paddr_t pa,
					      uint64_t length)
{
	return memory_map_has(map, pa, length) ? memory_map_find(map, pa) : NULL;
}

void *memory_map_at(const struct memory_map *map, paddr_t pa, uint64_t length)
{
	const struct memory_region *region = find_whole(map, pa, length);

	if (!region || memory_region_is_copied(region))
		return NULL;
	return region->host + (pa.addr - region->base.addr);
}

bool memory_region_is_hole(const struct memory_region *region, paddr_t pa)
{
	uint64_t offset = region->fd_offset + align_down(pa.addr - region->base.addr, PAGE_SIZE);

	return !memory_region_is_copied(region) && file_hole(region->fd, offset, PAGE_SIZE) > 0;
}

int guest_memory_init(struct guest_memory *memory, struct error *err)
{
	memory->map = calloc(1, sizeof(*memory->map));
	if (!memory->map)
		return error_set(err, -ENOMEM, "no memory for the guest's memory map");
	memory->budget = NULL;
	pthread_mutex_init(&memory->update, NULL);
	return 0;
}

static void unmap(const struct memory_region *region)
{
	if (!memory_region_is_copied(region))
		munmap(region->host, region->size);
}

void guest_memory_destroy(struct guest_memory *memory)
{
	for (unsigned i = 0; i < memory->map->count; i++)
		unmap(&memory->map->regions[i]);
	free(memory->map);
	memory->map = NULL;
	pthread_mutex_destroy(&memory->update);
}

/* The index of a region among the others, or count + 1 when it overlaps one of them. */
static unsigned place_of(const struct memory_map *map, uint64_t base, uint64_t size)
{
	unsigned place = 0;

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_region *other = &map->regions[i];

		if (base < other->base.addr + other->size && other->base.addr < base + size)
			return map->count + 1;
		if (other->base.addr < base)
			place = i + 1;
	}
	return place;
}

static uint64_t size_of_all(const struct memory_map *map)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < map->count; i++)
		size += map->regions[i].size;
	return size;
}

static int check_region(const struct memory_map *map, paddr_t base, uint64_t size,
			uint64_t fd_offset, struct error *err)
{
	if (size == 0 || !is_aligned(base.addr | size | fd_offset, PAGE_SIZE) ||
	    base.addr + size < base.addr)
		return error_set(err, -EINVAL,
				 "memory region %#" PRIx64 "+%#" PRIx64 " is not whole pages",
				 base.addr, size);
	if (map->count == MEMORY_REGIONS_MAX)
		return error_set(err, -ENOSPC, "more than %d memory regions", MEMORY_REGIONS_MAX);
	if (size > GUEST_MEMORY_MAX - size_of_all(map))
		return error_set(err, -EFBIG, "more than %" PRIu64 " GiB of guest memory",
				 GUEST_MEMORY_MAX >> 30);
	if (place_of(map, base.addr, size) > map->count)
		return error_set(err, -EEXIST,
				 "memory region %#" PRIx64 "+%#" PRIx64 " overlaps another",
				 base.addr, size);
	return 0;
}

static struct memory_map *map_with(const struct memory_map *old, const struct memory_region *region)
{
	struct memory_map *map = malloc(sizeof(*map));
	unsigned place = place_of(old, region->base.addr, region->size);

	if (!map)
		return NULL;
	*map = *old;
	memmove(&map->regions[place + 1], &map->regions[place],
		(old->count - place) * sizeof(map->regions[0]));
	map->regions[place] = *region;
	map->count++;
	map->generation++;
	return map;
}

/*
 * The only place that maps guest RAM. A core dump leaves the mapping out: it would contain the guest's secrets, and
 * writing it would read, and so allocate, every page that the guest never wrote.
 */
static int map_region(struct memory_region *region, bool writable, struct error *err)
{
	int protection = PROT_READ | (writable ? PROT_WRITE : 0);
	void *host = mmap(NULL, region->size, protection, MAP_SHARED | MAP_NORESERVE, region->fd,
			  (off_t)region->fd_offset);

	if (host == MAP_FAILED)
		return error_set(err, -errno, "cannot map %" PRIu64 " MiB of guest memory: %s",
				 region->size >> 20, strerror(errno));
	if (madvise(host, region->size, MADV_DONTDUMP)) {
		int result = error_set(err, -errno, "MADV_DONTDUMP: %s", strerror(errno));

		munmap(host, region->size);
		return result;
	}
	region->host = host;
	return 0;
}

static int add_locked(struct guest_memory *memory, const struct memory_region *region,
		      bool writable, struct error *err)
{
	struct memory_map *old = memory->map;
	int result = check_region(old, region->base, region->size, region->fd_offset, err);

	if (result < 0)
		return result;

	struct memory_region added = *region;

	if (!memory_region_is_copied(region))
		result = map_region(&added, writable, err);
	if (result < 0)
		return result;

	struct memory_map *map = map_with(old, &added);

	if (!map) {
		unmap(&added);
		return error_set(err, -ENOMEM, "no memory for the guest's memory map");
	}
	rcu_pointer_publish(memory->map, map);
	rcu_wait_for_readers();
	free(old);
	return 0;
}

static int add(struct guest_memory *memory, const struct memory_region *region, bool writable,
	       struct error *err)
{
	pthread_mutex_lock(&memory->update);
	int result = add_locked(memory, region, writable, err);

	pthread_mutex_unlock(&memory->update);
	return result;
}

int guest_memory_add(struct guest_memory *memory, paddr_t base, uint64_t size, int fd,
		     uint64_t fd_offset, bool writable, struct error *err)
{
	const struct memory_region region = {
		.base = base, .size = size, .fd = fd, .fd_offset = fd_offset};

	if (fd < 0)
		return error_set(err, -EBADF, "guest memory without a file cannot be mapped");
	return add(memory, &region, writable, err);
}

int guest_memory_add_copied(struct guest_memory *memory, paddr_t base, uint64_t size,
			    const struct memory_reader *reader, struct error *err)
{
	const struct memory_region region = {
		.base = base, .size = size, .fd = -1, .reader = *reader};

	return add(memory, &region, false, err);
}

static struct memory_map *map_without(const struct memory_map *old, unsigned place)
{
	struct memory_map *map = malloc(sizeof(*map));

	if (!map)
		return NULL;
	*map = *old;
	map->count--;
	map->generation++;
	memmove(&map->regions[place], &map->regions[place + 1],
		(map->count - place) * sizeof(map->regions[0]));
	return map;
}

static int remove_locked(struct guest_memory *memory, paddr_t base, struct error *err)
{
	struct memory_map *old = memory->map;
	unsigned place = 0;

	while (place < old->count && old->regions[place].base.addr != base.addr)
		place++;
	if (place == old->count)
		return error_set(err, -ENOENT, "no memory region begins at %#" PRIx64, base.addr);

	struct memory_map *map = map_without(old, place);

	if (!map)
		return error_set(err, -ENOMEM, "no memory for the guest's memory map");
	rcu_pointer_publish(memory->map, map);
	rcu_wait_for_readers();
	unmap(&old->regions[place]);
	free(old);
	return 0;
}

int guest_memory_remove(struct guest_memory *memory, paddr_t base, struct error *err)
{
	pthread_mutex_lock(&memory->update);
	int result = remove_locked(memory, base, err);

	pthread_mutex_unlock(&memory->update);
	return result;
}

const struct memory_map *guest_memory_map(const struct guest_memory *memory)
{
	return rcu_pointer_read(memory->map);
}

void guest_memory_read_begin(void)
{
	rcu_section_begin();
}

void guest_memory_read_end(void)
{
	rcu_section_end();
}

bool guest_memory_is_copied(const struct guest_memory *memory, paddr_t pa,
			    struct memory_reader *reader)
{
	guest_memory_read_begin();
	const struct memory_region *region = memory_map_find(guest_memory_map(memory), pa);
	bool is_copied = region && memory_region_is_copied(region);

	if (is_copied && reader)
		*reader = region->reader;
	guest_memory_read_end();
	return is_copied;
}

/* Copies the part of a range, which is covered, that lies in its first region. Sets *part to the part's length. */
static int copy_part(const struct guest_memory *memory, paddr_t pa, void *buffer, size_t length,
		     size_t *part)
{
	struct memory_reader reader = {0};
	int result = -EFAULT;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);
	const struct memory_region *region = memory_map_find(map, pa);

	*part = memory_map_covers(map, pa, length) ? length_within(map, pa, length) : 0;
	if (*part > 0)
		reader = region->reader;
	/* Reading a file in memory never blocks, so the read-side section stays short. */
	if (*part > 0 && !reader.read &&
	    fd_read_at(region->fd, buffer, *part,
		       region->fd_offset + (pa.addr - region->base.addr)) == 0)
		result = 0;
	guest_memory_read_end();
	return reader.read ? reader.read(reader.own, pa, buffer, *part) : result;
}

int guest_memory_copy(const struct guest_memory *memory, paddr_t pa, void *buffer, size_t length)
{
	size_t done = 0, part;

	do {
		int result = copy_part(memory, paddr(pa.addr + done), (uint8_t *)buffer + done,
				       length - done, &part);

		if (result < 0)
			return result;
		done += part;
	} while (done < length);
	return 0;
}

/* As guest_memory_find_data, in a file from an offset on. */
static void find_data_in_file(int fd, uint64_t offset, uint64_t length, uint64_t *hole,
			      uint64_t *data)
{
	*hole = file_hole(fd, offset, length);

	uint64_t from = offset + *hole, most = length - *hole;
	off_t to = most ? lseek(fd, (off_t)from, SEEK_HOLE) : -1;

	/* The file shrank meanwhile, or has no holes. */
	*data = to < 0 || (uint64_t)to <= from || (uint64_t)to - from > most ? most
									     : (uint64_t)to - from;
}

int guest_memory_find_data(const struct guest_memory *memory, paddr_t pa, uint64_t length,
			   uint64_t *hole, uint64_t *data)
{
	struct memory_reader reader = {0};

	*hole = 0;
	*data = length;
	guest_memory_read_begin();
	const struct memory_region *region = find_whole(guest_memory_map(memory), pa, length);
	int result = region ? 0 : -EFAULT;

	if (region)
		reader = region->reader;
	if (region && !reader.read)
		find_data_in_file(region->fd, region->fd_offset + (pa.addr - region->base.addr),
				  length, hole, data);
	guest_memory_read_end();
	return reader.find_data ? reader.find_data(reader.own, pa, length, hole, data) : result;
}

uint64_t guest_memory_size(const struct guest_memory *memory)
{
	uint64_t size = 0;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(memory);

	for (unsigned i = 0; i < map->count; i++)
		size += map->regions[i].size;
	guest_memory_read_end();
	return size;
}
