/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who gives way when all places of a VM are taken and one more client comes. Clients are the VM's user and root alone, so
 * this is for fairness among their processes: one of them that leaks connections, or keeps them for nothing, must not keep
 * the inspectors out.
 */
#ifndef VMM_ATTACH_SERVER_PLACES_H
#define VMM_ATTACH_SERVER_PLACES_H

#include <stdbool.h>
#include <stdint.h>

struct attach_server_client {
	int fd;
	uint32_t pid;      /* 0: in another PID namespace */
	uint64_t since_ns; /* when it connected, or sent its last request */
	bool has_asked;    /* sent a request; inspectors do so at once */
	bool is_subscribed;
	bool is_dirty_reader;
	int dirty_reader;
	bool is_notice_due; /* the map has changed since the last notice */
	uint64_t order;     /* ticket of its last order; 0: it gave none */
};

/*
 * The index of the client that gives up its place to one of the process `pid`; count: there is none. First
 * those who ask for nothing give way, then the process with the most places, as long as it keeps as many as the newcomer's
 * gets. An inspector, which takes one, never gives way to another.
 */
unsigned server_place_to_free(const struct attach_server_client *clients, unsigned count,
			      uint32_t pid, uint64_t now_ns);

#endif
