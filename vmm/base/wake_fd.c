/* SPDX-License-Identifier: MPL-2.0 */
/* Waking a thread that polls: see wake_fd.h. */
#include "base/wake_fd.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_fd_open(struct error *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? error_set(err, -errno, "eventfd: %s", strerror(errno)) : fd;
}

/* The write fails only when the counter is at its maximum; the descriptor is readable then. */
void wake_fd_set(int fd)
{
	const uint64_t one = 1;
	ssize_t ignored = write(fd, &one, sizeof(one));

	(void)ignored;
}

void wake_fd_clear(int fd)
{
	uint64_t count;
	ssize_t ignored = read(fd, &count, sizeof(count));

	(void)ignored;
}
