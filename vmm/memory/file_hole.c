/* SPDX-License-Identifier: MPL-2.0 */
/* Holes of files: see file_hole.h. */
#include "memory/file_hole.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pagevisor/address.h>

/* SEEK_DATA fails with ENXIO where no data follows, both before the end of the file and past it. */
static uint64_t hole_end(int fd, uint64_t offset)
{
	off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
	struct stat status;

	if (data >= 0)
		return (uint64_t)data;
	return errno == ENXIO && fstat(fd, &status) == 0 ? (uint64_t)status.st_size : offset;
}

uint64_t file_hole(int fd, uint64_t offset, uint64_t length)
{
	uint64_t end = hole_end(fd, offset);
	uint64_t hole = end > offset ? align_down(end - offset, PAGE_SIZE) : 0;

	return hole < length ? hole : length;
}
