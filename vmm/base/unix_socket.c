/* SPDX-License-Identifier: MPL-2.0 */
/* Connecting with a timeout: see unix_socket.h. */
#include "base/unix_socket.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"

/* How long to wait before retrying a listener whose backlog is full. */
#define RETRY_NS (10 * NS_PER_MS)

int unix_socket_connect(int fd, const struct sockaddr_un *address, unsigned timeout_ms)
{
	uint64_t deadline = clock_now_ns() + timeout_ms * NS_PER_MS;

	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (clock_now_ns() >= deadline)
			return -EBUSY;
		clock_sleep_ns(RETRY_NS);
	}
	return 0;
}
