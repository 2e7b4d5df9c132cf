/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pauses a guest that another program runs, and resumes it whatever happens to the inspector. Neither QEMU nor libvirt
 * has a pause that ends with its requester, so a separate process pauses the guest: the command itself, under another
 * name. This process resumes the guest on request, after a deadline, and when the inspector is gone. It resumes only
 * what it paused itself, and only if the guest is still in that pause. Killing this process keeps the guest paused.
 */
#ifndef VMM_SOURCE_PAUSER_H
#define VMM_SOURCE_PAUSER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "memory/machine_state.h"

/* Zeroes: there is no process. */
struct pauser {
	bool is_started;
	pid_t pid;
	int fd;
};

/*
 * Starts the process: main() gets `arguments`, a list that NULL ends. It has start_ms to become ready. Returns 0 or a
 * negative errno with a line of text. SHARED_TIMEOUT_MS here, and all waits below: the process is one of the command's peers
 * (base/deadline.h).
 */
int pauser_start(struct pauser *pauser, const char *const arguments[], unsigned start_ms,
		 struct error *err);

/* Resumes the guest if it is paused, and ends the process. Does nothing if there is none. */
void pauser_stop(struct pauser *pauser);

/* Returns 0 or a negative errno with a line of text. After -ETIMEDOUT or -ENOTCONN only pauser_stop is useful. */
int pauser_pause(struct pauser *pauser, struct error *err);

/*
 * *paused_ns is how long the guest was paused. Returns -ETIME if the deadline ended the pause, -EBUSY if the guest did not
 * stay in it: somebody else resumed it, or it has to stay stopped for another reason, which the text names.
 */
int pauser_resume(struct pauser *pauser, uint64_t *paused_ns, struct error *err);

/* As control_machine_state, while the pause lasts. */
int pauser_state(struct pauser *pauser, struct machine_state *state, struct error *err);

#endif
