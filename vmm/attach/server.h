/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The VM's side of an inspection: a thread of the VMM that listens on the VM's socket, hands out the guest's RAM
 * read-only, and serves requests. It never waits for a client, and no vCPU thread takes part in it. A client that does
 * not take a reply is disconnected; a notice that is not taken is replaced by the next.
 */
#ifndef VMM_ATTACH_SERVER_H
#define VMM_ATTACH_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "attach/protocol.h"
#include "attach/server_control.h"
#include "attach/server_places.h"
#include "attach/vm_name.h"
#include "base/error.h"
#include "memory/control.h"
#include "memory/guest_memory.h"
#include "memory/management.h"

/* What the server offers of a VM. */
struct attach_vm {
	struct vm_id id;
	unsigned cpu_count;
	bool has_info;
	paddr_t info;
	uint64_t start_ns;
	const struct guest_memory *memory;
	int memory_fd; /* the memfd behind all regions */
	/* NULL: nothing is supported. Used only by the server's thread. */
	const struct control *control;
	/* NULL: nobody manages its memory. */
	const struct management *management;
	/*
	 * Begins the end of the VM; it does not wait. A guest that was saved does not run any more: it is not asked to end.
	 * Called by the server's thread. NULL: not supported.
	 */
	void (*stop)(bool is_saved);
	bool is_held; /* it has been paused, by its control, and stays so until somebody lets it go */
};

struct attach_server {
	struct attach_vm vm;
	pthread_t thread;
	int dir_fd;
	int listen_fd;
	uint64_t inode; /* of the socket's file */
	int wake_fd;    /* eventfd: the map has changed, or the server must stop */
	int ram_fd;     /* read-only, for the clients */
	bool stopping;  /* release store by attach_server_stop, acquire load by the thread */
	bool map_changed; /* release store by attach_server_map_changed, acquire exchange by the thread */
	bool is_deaf; /* no free descriptor for accept(); retried after a while */
	struct server_control control;
	unsigned client_count;
	struct attach_server_client clients[ATTACH_CLIENTS_MAX]; /* private to the thread */
};

/*
 * Starts listening. `vm` is copied; its memory must outlive the server. Returns 0 or a negative errno; on failure
 * nothing is left behind.
 */
int attach_server_start(struct attach_server *server, const struct attach_vm *vm,
			struct error *err);

/* Whether the name is free, before there is anything to serve. Returns 0 or a negative errno: -EEXIST as below. */
int attach_server_check_name(const struct vm_id *id, struct error *err);

/*
 * The same in two steps: opens all that is named by a path; then begins to serve. Clients that come between the two
 * wait. If the second step fails, what the first has opened is closed. -EEXIST: another VM that lives has the name.
 */
int attach_server_open(struct attach_server *server, const struct attach_vm *vm, struct error *err);
int attach_server_serve(struct attach_server *server, struct error *err);

/* Removes the socket of a server that was opened and does not serve. */
void attach_server_close(struct attach_server *server);

/* Whether an inspector holds the VM without a limit. Any thread. */
bool attach_server_is_held(const struct attach_server *server);

/* Notifies the subscribers that regions were added or removed. Any thread. */
void attach_server_map_changed(struct attach_server *server);

/* Removes the socket, disconnects all clients, and ends the thread. */
void attach_server_stop(struct attach_server *server);

#endif
