/* SPDX-License-Identifier: MPL-2.0 */
/* The libvirt daemons of this machine that a list of VMs may ask without being asked to. */
#ifndef VMM_LIBVIRT_LOCAL_DAEMONS_H
#define VMM_LIBVIRT_LOCAL_DAEMONS_H

#define LOCAL_DAEMONS_MAX 2

struct local_daemon {
	const char *uri;    /* NULL: the default */
	const char *prefix; /* what makes a domain's name one of source_open */
};

/*
 * That of LIBVIRT_DEFAULT_URI unless it names a host; without that variable the system's and the user's own, where
 * their sockets are. Looks at files alone: no daemon is connected to or started, and libvirt is not loaded. Returns how
 * many.
 */
unsigned local_daemons(struct local_daemon *daemons);

#endif
