/* SPDX-License-Identifier: MPL-2.0 */
/* Reads an ELF file into memory: elf_image_read_file() of elf_image.h. */
#include "base/elf/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* Checks the open file and returns its size. */
static int check_file(int fd, const char *path, size_t *size, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -ENOEXEC, "%s: not a regular file; an ELF file is needed",
				 path);
	if ((uint64_t)st.st_size > ELF_IMAGE_SIZE_MAX)
		return error_set(err, -EFBIG, "%s: %jd bytes; a kernel has at most %" PRIu64, path,
				 (intmax_t)st.st_size, ELF_IMAGE_SIZE_MAX);
	if (st.st_size < SELFMAG)
		return error_set(err, -ENOEXEC, "%s: not an ELF file", path);
	*size = (size_t)st.st_size;
	return 0;
}

static int read_open_file(int fd, const char *path, void **bytes, size_t *size, struct error *err)
{
	uint8_t *buffer;
	size_t length = 0;
	int rc = check_file(fd, path, &length, err);

	if (rc < 0)
		return rc;
	buffer = malloc(length);
	if (!buffer)
		return error_set(err, -ENOMEM, "%s: no memory for its %zu bytes", path, length);
	rc = fd_read_at(fd, buffer, length, 0);
	if (rc == -ENODATA)
		error_set(err, rc, "%s: the file was truncated while it was being read", path);
	else if (rc < 0)
		error_set(err, rc, "%s: %s", path, strerror(-rc));
	else if (memcmp(buffer, ELFMAG, SELFMAG) != 0)
		rc = error_set(err, -ENOEXEC, "%s: not an ELF file", path);
	if (rc < 0) {
		free(buffer);
		return rc;
	}
	*bytes = buffer;
	*size = length;
	return 0;
}

int elf_image_read_file(const char *path, void **bytes, size_t *size, struct error *err)
{
	/* O_NONBLOCK: opening a FIFO would otherwise wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	rc = read_open_file(fd, path, bytes, size, err);
	close(fd);
	return rc;
}
