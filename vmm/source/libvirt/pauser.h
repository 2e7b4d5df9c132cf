/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pauses a domain, and resumes it whatever happens to the inspector. libvirt has no pause that ends with its requester,
 * so a separate process pauses the domain. This process resumes the domain on request, after a deadline, and when the
 * inspector is gone. A domain that someone else has paused stays paused.
 */
#ifndef VMM_LIBVIRT_PAUSER_H
#define VMM_LIBVIRT_PAUSER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* main() runs pauser_main under this name; the arguments are a URI, a domain's UUID and a deadline. */
#define PAUSER_COMMAND "libvirt-pauser"

/* How long a domain stays paused at most: with mapped memory, and with memory copied through libvirt. */
#define PAUSER_DEADLINE_MS      2000
#define PAUSER_DEADLINE_SLOW_MS 20000

struct pauser {
	pid_t pid;
	int fd;
};

/* Starts the process, which makes its own connection. Returns 0 or a negative errno with a line of text. */
int pauser_start(struct pauser *pauser, const char *uri, const char *uuid, unsigned deadline_ms,
		 struct error *err);

/* Resumes the domain if it is paused, and ends the process. */
void pauser_stop(struct pauser *pauser);

/* Returns 0 or a negative errno with a line of text. After -ETIMEDOUT only pauser_stop is useful. */
int pauser_pause(struct pauser *pauser, struct error *err);

/* *paused_ns is how long the domain was paused. Returns -ETIME if the deadline ended the pause. */
int pauser_resume(struct pauser *pauser, uint64_t *paused_ns, struct error *err);

/* The process itself: serves standard input, a socket, until end of file. Returns an exit status. */
int pauser_main(const char *uri, const char *uuid, const char *deadline_ms);

#endif
