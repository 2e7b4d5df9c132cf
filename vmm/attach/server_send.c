/* SPDX-License-Identifier: MPL-2.0 */
/* Sending to inspectors: see server_send.h. */
#include "attach/server_send.h"

#include <sys/socket.h>

bool server_send(int fd, const void *message, size_t size)
{
	return send(fd, message, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}

bool server_send_reply(int fd, enum attach_type type, uint32_t sequence, int result, uint64_t value)
{
	struct attach_reply reply = {.header = attach_header(type, sizeof(reply), sequence),
				     .result = result,
				     .value = value};

	return server_send(fd, &reply, sizeof(reply));
}
