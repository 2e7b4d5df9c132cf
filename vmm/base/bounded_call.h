/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs a call that may block forever on its own thread, and waits for it until a deadline. For libraries whose calls
 * have no timeout.
 */
#ifndef VMM_BOUNDED_CALL_H
#define VMM_BOUNDED_CALL_H

#include <pthread.h>
#include <stdbool.h>

/* The first member of the structure that a caller allocates for one call, with its arguments and results. */
struct bounded_call {
	void (*work)(struct bounded_call *call); /* on the other thread, signals blocked */
	/* Runs on the other thread when work finishes after the deadline: undoes its effects and frees the call. */
	void (*abandoned)(struct bounded_call *call);

	/* Private to bounded_call.c. */
	pthread_mutex_t lock;
	pthread_cond_t done_changed;
	bool is_done, is_abandoned;
};

/*
 * Returns 0 once the work is done: the caller owns the call again and can read its results. Returns -ETIMEDOUT if the
 * work missed the deadline: the caller no longer owns the call, and the call must own everything it refers to. Any
 * other negative errno means that no thread could be started: nothing was done, and the caller still owns the call.
 */
int bounded_call_run(struct bounded_call *call, unsigned timeout_ms);

#endif
