/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The pauses that inspectors ask a VM for. However many inspectors ask, the VM runs at least half of the time:
 *
 * - A pause of the VM lasts at most ATTACH_PAUSE_MAX_NS, counted from the request that began it, whoever holds it.
 * - In its first half others join it and share its deadline. Whoever asks later waits for the next pause.
 * - After a pause, or a failed attempt at one, the VM runs at least as long as that lasted, and at least
 *   ATTACH_RUN_MIN_NS. All who wait by then share the next pause. So a request waits at most twice ATTACH_PAUSE_MAX_NS.
 *
 * Used by the server's thread alone. It knows inspectors by the descriptors of their sockets.
 */
#ifndef VMM_ATTACH_SERVER_PAUSE_H
#define VMM_ATTACH_SERVER_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "attach/protocol.h"
#include "memory/control.h"

struct pause_share {
	int fd;
	uint32_t pid;
	bool is_waiting; /* for its pause to begin; else it holds the vCPUs */
	uint32_t sequence;
	uint64_t since_ns; /* when it began to hold them */
};

struct server_pause {
	/* Set by the user; the rest is zero at first. */
	const struct control *control;
	uint64_t (*now_ns)(void);
	/* The result of a request to pause. Must not call back. */
	void (*answer)(int fd, uint32_t sequence, int result);

	bool is_paused;
	uint64_t since_ns;     /* start of the current pause */
	uint64_t run_until_ns; /* the next pause does not begin before */
	unsigned count;
	struct pause_share shares[ATTACH_CLIENTS_MAX];
};

/* Asks for a pause. It is answered now or in a later call, unless the inspector is forgotten before. */
void server_pause_ask(struct server_pause *pause, int fd, uint32_t pid, uint32_t sequence);

/*
 * Ends an inspector's share; a request that still waits is answered with -ECANCELED. *paused_ns is how long the
 * inspector held the vCPUs. Returns 0, or -ETIME if it holds none (any more).
 */
int server_pause_release(struct server_pause *pause, int fd, uint64_t *paused_ns);

/* Ends the share of an inspector that is gone. */
void server_pause_forget(struct server_pause *pause, int fd);

/* Ends and begins what is due. Returns the milliseconds until something is due; -1: nothing will be. */
int server_pause_advance(struct server_pause *pause);

/* Reports the inspector that has held the vCPUs longest. */
struct pause_holder server_pause_holder(const struct server_pause *pause);

#endif
