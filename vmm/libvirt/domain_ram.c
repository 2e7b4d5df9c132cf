/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of a local domain: see domain_ram.h. */
#include "libvirt/domain_ram.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A file, as a line of /proc/PID/maps names it. */
struct file_id {
	dev_t device;
	ino_t inode;
};

/* A shared, writable mapping of that size that begins where its file begins. */
static bool parse_line(const char *line, uint64_t size, struct file_id *id)
{
	uint64_t start, end, offset, inode;
	unsigned major_number, minor_number;
	char access[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64, &start, &end,
		   access, &offset, &major_number, &minor_number, &inode) != 7)
		return false;
	if (strcmp(access, "rw-s") != 0 || end - start != size || offset != 0 || inode == 0)
		return false;
	*id = (struct file_id){makedev(major_number, minor_number), inode};
	return true;
}

static int find_file(uint32_t pid, uint64_t size, struct file_id *id)
{
	char path[64], *line = NULL;
	size_t room = 0;
	int result = -ENOENT;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	FILE *maps = fopen(path, "re");

	if (!maps)
		return -errno;
	while (result < 0 && getline(&line, &room, maps) > 0)
		if (parse_line(line, size, id))
			result = 0;
	free(line);
	fclose(maps);
	return result;
}

/* QEMU keeps the file open; numbers past this are not tried. */
#define FD_MAX 4096

static int open_file(uint32_t pid, const struct file_id *id)
{
	char path[64];
	struct stat facts;

	for (int number = 0; number < FD_MAX; number++) {
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd/%d", pid, number);
		if (stat(path, &facts) < 0) {
			if (errno == EACCES)
				return -EACCES;
			continue;
		}
		if (facts.st_dev != id->device || facts.st_ino != id->inode ||
		    !S_ISREG(facts.st_mode))
			continue;
		/* It may be a FIFO by now, which nobody is to wait for. */
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

int domain_ram_open(uint32_t pid, uint64_t size, bool *is_sealed)
{
	struct file_id id = {0};
	struct stat facts;
	int result = find_file(pid, size, &id);
	int fd = result < 0 ? result : open_file(pid, &id);

	if (fd < 0)
		return fd;
	/* The number may be another file's by now. */
	if (fstat(fd, &facts) < 0 || facts.st_dev != id.device || facts.st_ino != id.inode ||
	    !S_ISREG(facts.st_mode) || (uint64_t)facts.st_size < size) {
		close(fd);
		return -ENOENT;
	}
	int seals = fcntl(fd, F_GET_SEALS);

	*is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	return fd;
}
