/* SPDX-License-Identifier: MPL-2.0 */
/* The libvirt daemons of this machine that a list of VMs includes by default. */
#ifndef VMM_LIBVIRT_LOCAL_DAEMONS_H
#define VMM_LIBVIRT_LOCAL_DAEMONS_H

#define LOCAL_DAEMONS_MAX 2

struct local_daemon {
	const char *uri;    /* NULL: the default */
	const char *prefix; /* turns a domain's name into one for source_open */
};

/*
 * The daemon of LIBVIRT_DEFAULT_URI, unless that names a host. Without that variable: the system's and the user's own,
 * where their sockets exist. Looks at files alone: connects to no daemon, starts none, and does not load libvirt.
 * Returns the number of daemons.
 */
unsigned local_daemons(struct local_daemon *daemons);

/*
 * Calls `each` for the domains that run under the system's daemon and the user's own, by the files that those keep of
 * them, as far as this user may read their directories. The daemon of LIBVIRT_DEFAULT_URI may keep its files anywhere:
 * nothing then.
 */
void local_domain_names(void (*each)(void *context, const char *prefix, const char *name),
			void *context);

#endif
