/* SPDX-License-Identifier: MPL-2.0 */
/* Whole reads and writes: see fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <unistd.h>

int fd_read_at(int fd, void *buffer, size_t length, uint64_t offset)
{
	for (size_t done = 0; done < length;) {
		ssize_t part =
			pread(fd, (uint8_t *)buffer + done, length - done, (off_t)(offset + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return part < 0 ? -errno : -ENODATA;
		done += (size_t)part;
	}
	return 0;
}

int fd_write_at(int fd, const void *bytes, size_t length, uint64_t offset)
{
	for (size_t done = 0; done < length;) {
		ssize_t part = pwrite(fd, (const uint8_t *)bytes + done, length - done,
				      (off_t)(offset + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return part < 0 ? -errno : -EIO;
		done += (size_t)part;
	}
	return 0;
}

size_t fd_read_text(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length < size - 1) {
		ssize_t part = read(fd, text + length, size - 1 - length);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			break;
		length += (size_t)part;
	}
	text[length] = '\0';
	return length;
}

void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
