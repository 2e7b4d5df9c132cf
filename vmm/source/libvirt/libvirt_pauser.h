/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The process that pauses a libvirt domain for an inspector (source/pauser.h). It resumes the domain only if libvirt still
 * calls it paused by a user and nobody resumed it since. In any other state it stays: libvirt has migrated or saved it, or
 * it stopped for a reason of its own.
 *
 * Two things libvirt does not tell. A suspend by someone else while the domain is paused changes nothing and makes no
 * event, so it is undone with the pause. And between the last look at the state and the resume lies a moment in which it
 * may change. While the daemon is gone no events arrive.
 */
#ifndef VMM_LIBVIRT_LIBVIRT_PAUSER_H
#define VMM_LIBVIRT_LIBVIRT_PAUSER_H

#include "source/libvirt/connection.h"

/* main() runs libvirt_pauser_main under this name; the arguments are a URI, a domain's UUID and a deadline in ms. */
#define LIBVIRT_PAUSER_COMMAND "libvirt-pauser"

/* How long a domain stays paused at most: with mapped memory, and with memory copied through libvirt. */
#define LIBVIRT_PAUSER_DEADLINE      "2000"
#define LIBVIRT_PAUSER_DEADLINE_SLOW "20000"

/* Serves standard input, a socket, until end of file. Returns an exit status. */
int libvirt_pauser_main(const char *uri, const char *uuid, const char *deadline_ms);

#endif
