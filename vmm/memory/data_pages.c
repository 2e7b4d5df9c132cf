/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages of guest memory were ever written: see data_pages.h. */
#include "memory/data_pages.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/file_hole.h"

#define RESIDENT 1 /* the only bit of a mincore(2) byte with a meaning */

/* To a caller that neither owns the file nor may write to it, the kernel reports that every page is resident. */
static bool may_ask_for_residents(const struct memory_region *region)
{
	struct stat status;

	return fstat(region->fd, &status) == 0 && status.st_uid == geteuid();
}

/* The number of pages without data at `offset`: at most `pages`. */
static uint64_t hole_pages(const struct memory_region *region, uint64_t offset, uint64_t pages)
{
	return file_hole(region->fd, region->fd_offset + offset, pages * PAGE_SIZE) / PAGE_SIZE;
}

/*
 * A resident page has data. A page that is not resident may be swapped out. What begins with a hole is not asked for its residents
 * there: the kernel looks at each page of a hole, but passes over all of it at once where it looks for data.
 */
void data_pages_find(const struct memory_region *region, paddr_t first, uint64_t pages,
		     uint8_t *has_data)
{
	uint64_t offset = first.addr - region->base.addr, begin;

	if (memory_region_is_copied(region)) {
		memset(has_data, RESIDENT, pages);
		return;
	}
	begin = hole_pages(region, offset, pages);
	memset(has_data, 0, pages);
	if (begin == pages || !may_ask_for_residents(region) ||
	    mincore(region->host + offset + begin * PAGE_SIZE, (pages - begin) * PAGE_SIZE,
		    has_data + begin))
		memset(has_data, 0, pages);
	for (uint64_t i = begin; i < pages;) {
		uint64_t hole = has_data[i] & RESIDENT || i == begin
					? 0
					: hole_pages(region, offset + i * PAGE_SIZE, pages - i);

		memset(&has_data[i], 0, hole);
		i += hole;
		if (i < pages)
			has_data[i++] = RESIDENT;
	}
}
