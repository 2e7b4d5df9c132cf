/* SPDX-License-Identifier: MPL-2.0 */
/* The part of a pausing process (pauser.h) that is the same for all guests. */
#ifndef VMM_SOURCE_PAUSER_SERVE_H
#define VMM_SOURCE_PAUSER_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "memory/machine_state.h"

struct pauser_work {
	/*
	 * Pauses the guest, or finds it stopped already. Returns 0 or a negative errno with a text. *is_held is set if
	 * this stopped it, or may have done so although it failed: then `end` is called within the deadline.
	 */
	int (*begin)(void *own, bool *is_held, struct error *err);
	/*
	 * Resumes the guest if `begin` stopped it, and checks that it stood still since. Returns 0 or a negative errno
	 * with a text, as pauser_resume does.
	 */
	int (*end)(void *own, struct error *err);
	/*
	 * Adds the machine's state, as control_machine_state does. Called between the two. NULL: it is not known.
	 */
	int (*state)(void *own, struct machine_state *state, struct error *err);
	void *own;
};

/* Tells the inspector that the process is ready (result 0), or why it cannot be. False when nobody listens. */
bool pauser_say_ready(int result, const struct error *err);

/* Serves the inspector on standard input, a socket, until it is gone. */
void pauser_serve(const struct pauser_work *work, unsigned deadline_ms);

#endif
