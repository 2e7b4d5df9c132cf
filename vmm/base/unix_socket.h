/* SPDX-License-Identifier: MPL-2.0 */
/* Connecting to a listener that may not accept. */
#ifndef VMM_UNIX_SOCKET_H
#define VMM_UNIX_SOCKET_H

#include <sys/un.h>

/*
 * Connects a non-blocking socket. Returns 0 or a negative errno: -EBUSY when the listener's backlog stays full for
 * timeout_ms.
 */
int unix_socket_connect(int fd, const struct sockaddr_un *address, unsigned timeout_ms);

#endif
