/* SPDX-License-Identifier: MPL-2.0 */
/* Requests of inspectors to pause the VM, and for what its machine holds then. Used by the server's thread. */
#ifndef VMM_ATTACH_SERVER_CONTROL_H
#define VMM_ATTACH_SERVER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "attach/protocol.h"
#include "attach/server_pause.h"
#include "attach/server_places.h"
#include "memory/control.h"
#include "memory/machine_state.h"

struct server_control {
	struct server_pause pause;
	struct machine_state machine; /* as of the pause with this number; empty: nobody asked */
	uint64_t machine_pause;
	bool is_held; /* somebody holds the VM without a limit: relaxed, for other threads */
};

/* `held_by`: the pid of the VM's own process, which holds it from the beginning; 0: it does not. */
void server_control_init(struct server_control *own, const struct control *control,
			 uint32_t held_by);

/* Whether a request is for these functions. */
bool server_control_take(const struct attach_request *request);

/*
 * Serves a request of a client, as the VM with that pid, which can be ended by request or not. Returns false when the
 * client did not take the reply.
 */
bool server_control_serve(struct server_control *own, uint32_t vm_pid, bool can_end,
			  const struct attach_server_client *client,
			  const struct attach_request *request);

/* As server_pause_advance; drops what belonged to a pause that is over. Call it in each turn. */
int server_control_advance(struct server_control *own);

/* The server ends, and so has the VM, or it goes on without inspectors. */
void server_control_end(struct server_control *own);

#endif
