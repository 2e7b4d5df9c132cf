/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One run of a libvirt domain, and the connection to the daemon that controls it. A daemon that restarts takes its
 * connections with it and leaves its domains alone. So a thread connects again when the connection is lost, and
 * recognises the run by UUID and ID: a domain that is started again has another ID.
 *
 * A run ends when its QEMU process does, where that is on this machine; else when the daemon says so.
 */
#ifndef VMM_LIBVIRT_DOMAIN_LINK_H
#define VMM_LIBVIRT_DOMAIN_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "source/libvirt/connection.h"
#include "source/source.h"

struct domain_link;

/*
 * Connects, and finds an active domain as libvirt_domain_find. A NULL URI is the default. Returns 0 or a negative errno
 * with a line of text; -ENOENT also when the domain is not active.
 */
int domain_link_open(const char *uri, const char *domain, struct domain_link **link,
		     struct error *err);

/*
 * Follows the run until domain_link_close. `pidfd` is of its QEMU process, or -1 where that is not known; the link owns
 * it from now on, even after a failure.
 */
int domain_link_follow(struct domain_link *link, int pidfd, struct error *err);
void domain_link_close(struct domain_link *link);

/* As of domain_link_open. */
const struct domain_facts *domain_link_facts(const struct domain_link *link);
const char *domain_link_uri(const struct domain_link *link);
bool domain_link_is_local(const struct domain_link *link);

/* As source_ops.state. */
enum source_state domain_link_state(struct domain_link *link, const char **text);

/*
 * Waits until the run is not cut off. *connections is how many connections there have been. Returns 0, or -ENOTCONN
 * with a line of text: the run has ended, or the connection is not back by the deadline (base/deadline.h).
 */
int domain_link_await(struct domain_link *link, unsigned *connections, struct error *err);

/* As libvirt_domain_peek, and -ENOTCONN at once if the run is cut off or has ended. Any thread may call it. */
int domain_link_peek(struct domain_link *link, uint64_t address, void *buffer, size_t size,
		     struct error *err);

#endif
