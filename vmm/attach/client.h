/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The inspector's side of a VM's socket: connects, and exchanges messages, which it checks. The listener is considered
 * hostile. All waits end at the process's deadline (base/deadline.h), except that of attach_client_receive.
 */
#ifndef VMM_ATTACH_CLIENT_H
#define VMM_ATTACH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "attach/protocol.h"
#include "attach/vm_name.h"
#include "base/error.h"

struct attach_client {
	int fd;
	int ram_fd;        /* in tmpfs; holds all regions of the hello; never shrinks */
	uint32_t peer_pid; /* of the listener; 0: it is in another PID namespace */
	struct attach_hello hello;
};

/*
 * Connects to a VM in the directory and receives its hello. A VM that cannot take an inspector now (it has too many, or
 * its user has too many descriptors in flight) or hangs up is tried again until the deadline. Returns 0 or a negative
 * errno with a line of text: -ECONNREFUSED nobody listens on its socket, -ENOENT there is no socket (any more), -EACCES
 * not permitted, -ETIMEDOUT no hello in time, -EPROTO the listener is not a VM of this pagevisor.
 */
int attach_client_connect(struct attach_client *client, int dir_fd, const struct vm_id *id,
			  struct error *err);

void attach_client_close(struct attach_client *client);

/* Checks that the RAM's file holds all regions of a map. Returns 0 or -EPROTO. */
int attach_client_check_map(const struct attach_client *client, const struct attach_map *map,
			    struct error *err);

/*
 * Fills the header of a request and sends it. The caller has called deadline_enter. Returns 0, -ENOTCONN when the VM is
 * gone, or -ETIMEDOUT when it takes no requests.
 */
int attach_client_send(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		       struct attach_request request, struct error *err);

/*
 * Sends a request and waits for its reply, until the deadline. The message is not checked. Returns its length or a
 * negative errno with a text. For a connection on which one thing is asked after another, and nothing is subscribed.
 */
int attach_client_ask(const struct attach_client *client, enum attach_type type, uint32_t sequence,
		      struct attach_request request, union attach_message *message,
		      struct error *err);

/*
 * Waits for a message without a timeout; shutdown() of the descriptor ends the wait. The message is not checked.
 * Returns its length, or -ENOTCONN when the VM is gone.
 */
int attach_client_receive(const struct attach_client *client, union attach_message *message,
			  struct error *err);

#endif
