/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pauses a domain and lets it go on whatever happens to the inspector. libvirt knows no pause that ends with the one
 * who wanted it, so a process of its own does it: it resumes the domain when it is told to, after a deadline, and when
 * the inspector is gone. A domain that somebody else has paused stays paused.
 */
#ifndef VMM_LIBVIRT_PAUSER_H
#define VMM_LIBVIRT_PAUSER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The name under which main() runs pauser_main; its arguments are a URI, a domain's UUID and a deadline. */
#define PAUSER_COMMAND "libvirt-pauser"

/* How long a domain stands still at the most: where its memory is mapped, and where it is copied through libvirt. */
#define PAUSER_DEADLINE_MS      2000
#define PAUSER_DEADLINE_SLOW_MS 20000

struct pauser {
	pid_t pid;
	int fd;
};

/* Starts the process, which connects by itself. Returns 0 or a negative errno with a line of text. */
int pauser_start(struct pauser *pauser, const char *uri, const char *uuid, unsigned deadline_ms,
		 struct error *err);

/* Resumes the domain if it is paused, and ends the process. */
void pauser_stop(struct pauser *pauser);

/* Returns 0 or a negative errno with a line of text. After -ETIMEDOUT only pauser_stop is of use. */
int pauser_pause(struct pauser *pauser, struct error *err);

/* *paused_ns is how long it stood still. -ETIME when that was ended by the deadline. */
int pauser_resume(struct pauser *pauser, uint64_t *paused_ns, struct error *err);

/* The process: serves standard input, a socket, until its end. Returns an exit status. */
int pauser_main(const char *uri, const char *uuid, const char *deadline_ms);

#endif
