/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The inspector's side of a VM's socket: connecting, and sending and receiving messages that were checked. Whoever
 * listens there is taken for hostile; nothing here waits longer than ATTACH_TIMEOUT_MS.
 */
#ifndef VMM_ATTACH_CLIENT_H
#define VMM_ATTACH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "attach/protocol.h"
#include "attach/vm_name.h"
#include "base/error.h"

#define ATTACH_TIMEOUT_MS 2000

struct attach_client {
	int fd;
	int ram_fd; /* holds all regions of the hello, and never shrinks */
	struct attach_hello hello;
};

/*
 * Connects to a VM of the directory and takes its hello. Returns 0 or a negative errno and a line of text:
 * -ECONNREFUSED nobody listens (any more), -EACCES not permitted, -EUSERS it has too many inspectors already,
 * -EPROTO what answered is no VM of this pagevisor.
 */
int attach_client_connect(struct attach_client *client, int dir_fd, const struct vm_id *id,
			  struct error *err);

void attach_client_close(struct attach_client *client);

/* Whether the RAM's file has all regions of a map. Returns 0 or -EPROTO. */
int attach_client_check_map(const struct attach_client *client, const struct attach_map *map,
			    struct error *err);

/* Sends a request, whose header it fills. Returns 0, or -ENOTCONN when the VM has gone. */
int attach_client_send(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		       struct attach_request request, struct error *err);

/*
 * Waits for a message without end (shutdown() of the descriptor ends it), unchecked. Returns its length, or
 * -ENOTCONN when the VM has gone.
 */
int attach_client_receive(const struct attach_client *client, union attach_message *message,
			  struct error *err);

#endif
