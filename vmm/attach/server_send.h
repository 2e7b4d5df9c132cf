/* SPDX-License-Identifier: MPL-2.0 */
/* What a VM sends to its inspectors: all of a message or nothing, without waiting for whoever does not take it. */
#ifndef VMM_ATTACH_SERVER_SEND_H
#define VMM_ATTACH_SERVER_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attach/protocol.h"

/* False when the client did not take it; errno says why. */
bool server_send(int fd, const void *message, size_t size);

/* Sends a struct attach_reply. */
bool server_send_reply(int fd, enum attach_type type, uint32_t sequence, int result,
		       uint64_t value);

#endif
