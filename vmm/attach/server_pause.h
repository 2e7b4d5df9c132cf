/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The pauses that inspectors ask a VM for. However many inspectors ask, the VM runs at least half of the time:
 *
 * - A pause of the VM lasts at most ATTACH_PAUSE_MAX_NS, counted from the request that began it, whoever holds it.
 * - In its first half others join it and share its deadline. Whoever asks later waits for the next pause.
 * - After a pause, or a failed attempt at one, the VM runs at least as long as that lasted, and at least
 *   ATTACH_RUN_MIN_NS. All who wait by then share the next pause. So a request waits at most twice ATTACH_PAUSE_MAX_NS.
 *
 * An inspector that may end the VM may hold it, too: without a limit, until it lets go, is gone, or the VM ends.
 *
 * - Meanwhile the others need not wait: each gets a share of ATTACH_PAUSE_MAX_NS.
 * - After it the VM runs at least for ATTACH_PAUSE_MAX_NS.
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
	bool is_hold;      /* without a limit */
	uint64_t since_ns; /* when it began to hold them */
	uint64_t until_ns; /* when its share ends; UINT64_MAX: it has no limit */
};

struct server_pause {
	/* Set by the user; the rest is zero at first. */
	const struct control *control;
	uint64_t (*now_ns)(void);
	/* The result of a request to pause. Must not call back. */
	void (*answer)(int fd, uint32_t sequence, int result);

	bool is_paused;
	bool is_final;         /* the VM ends: this pause does not */
	uint64_t number;       /* of the current pause, from 1 on */
	uint64_t since_ns;     /* start of the current pause */
	uint64_t run_until_ns; /* the next pause does not begin before */
	unsigned count;
	struct pause_share shares[ATTACH_CLIENTS_MAX + 1]; /* and one of the VM's own process */
};

/*
 * Asks for a pause, or to hold the VM. It is answered now or in a later call, unless the inspector is forgotten before.
 */
void server_pause_ask(struct server_pause *pause, int fd, uint32_t pid, uint32_t sequence,
		      bool is_hold);

/*
 * The VM begins held: its own process, of that pid, has paused it by the control, and nobody but server_pause_let_go ends
 * that. At first.
 */
void server_pause_begin_held(struct server_pause *pause, uint32_t pid);

/* Returns 0, or -EALREADY if the VM has not begun held, or was let go. */
int server_pause_let_go(struct server_pause *pause);

/* Whether somebody holds the VM without a limit. */
bool server_pause_is_held(const struct server_pause *pause);

/* Whether an inspector has a share of the current pause. */
bool server_pause_has(const struct server_pause *pause, int fd);

/*
 * The VM is about to end, and its guest must not run before: the pause stays from now on, whoever lets go, until
 * server_pause_end. Returns 0, or -ETIME if the inspector does not hold the VM.
 */
int server_pause_stay(struct server_pause *pause, int fd);

/* The VM has ended, or goes on without inspectors: nobody holds it any more. */
void server_pause_end(struct server_pause *pause);

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
