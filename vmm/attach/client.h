/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The inspector's side of a VM's socket: connects, and exchanges messages, which it checks. The listener is considered
 * hostile. Nothing here waits longer than ATTACH_TIMEOUT_MS, except attach_client_receive.
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
	int ram_fd; /* holds all regions of the hello; never shrinks */
	struct attach_hello hello;
};

/*
 * Connects to a VM in the directory and receives its hello. Returns 0 or a negative errno with a line of text:
 * -ECONNREFUSED no listener (any more), -EACCES not permitted, -EUSERS the VM already has its maximum number of
 * inspectors, -EPROTO the listener is not a VM of this pagevisor.
 */
int attach_client_connect(struct attach_client *client, int dir_fd, const struct vm_id *id,
			  struct error *err);

void attach_client_close(struct attach_client *client);

/* Checks that the RAM's file holds all regions of a map. Returns 0 or -EPROTO. */
int attach_client_check_map(const struct attach_client *client, const struct attach_map *map,
			    struct error *err);

/* Fills the header of a request and sends it. Returns 0, or -ENOTCONN when the VM is gone. */
int attach_client_send(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		       struct attach_request request, struct error *err);

/*
 * Waits for a message without a timeout; shutdown() of the descriptor ends the wait. The message is not checked.
 * Returns its length, or -ENOTCONN when the VM is gone.
 */
int attach_client_receive(const struct attach_client *client, union attach_message *message,
			  struct error *err);

#endif
