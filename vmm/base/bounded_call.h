/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A call that may block for good, made on a thread of its own and waited for no longer than until a deadline: for
 * libraries that give their calls none.
 */
#ifndef VMM_BOUNDED_CALL_H
#define VMM_BOUNDED_CALL_H

#include <pthread.h>
#include <stdbool.h>

/* The first member of what the caller allocates for one call, with its arguments and results. */
struct bounded_call {
	void (*work)(struct bounded_call *call); /* on the other thread, signals blocked */
	/* On the other thread after a work that came too late: undoes what it did, and frees the call. */
	void (*abandoned)(struct bounded_call *call);

	/* The call's own. */
	pthread_mutex_t lock;
	pthread_cond_t done_changed;
	bool is_done, is_abandoned;
};

/*
 * Returns 0 when the work is done: the call is the caller's again, and what the work wrote can be read. -ETIMEDOUT
 * when it was not done in time: the call is no longer the caller's, and what it refers to must be its own. Another
 * negative errno when there is no thread for it: nothing was done, and the call is the caller's.
 */
int bounded_call_run(struct bounded_call *call, unsigned timeout_ms);

#endif
