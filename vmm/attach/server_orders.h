/* SPDX-License-Identifier: MPL-2.0 */
/* Orders of inspectors to whoever manages the VM's memory, and questions. Used by the server's thread. */
#ifndef VMM_ATTACH_SERVER_ORDERS_H
#define VMM_ATTACH_SERVER_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "attach/protocol.h"
#include "attach/server_places.h"
#include "memory/management.h"

/* Whether a request is for these functions. */
bool server_orders_take(const struct attach_request *request);

/*
 * Serves a request of a client, as the VM with that pid. NULL: nobody manages the memory. Returns false when the
 * client did not take the reply.
 */
bool server_orders_serve(const struct management *management, uint32_t vm_pid,
			 struct attach_server_client *client, const struct attach_request *request);

/* The client is gone: nobody waits for what it has ordered. */
void server_orders_forget(const struct management *management,
			  const struct attach_server_client *client);

#endif
