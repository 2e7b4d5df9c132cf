/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A connection to a libvirt daemon. Each call has a deadline, because the library itself waits for as long as daemon
 * and QEMU take. Text from the daemon is made printable. Numbers are the daemon's; callers check them.
 *
 * Functions return 0 or a negative errno with one line of text: -ENOENT no such domain, -EINVAL an invalid URI, -EACCES
 * not permitted, -ETIMEDOUT no answer in time, -ENOTSUP not supported, -EIO for the rest. Any thread may call them.
 */
#ifndef VMM_LIBVIRT_CONNECTION_H
#define VMM_LIBVIRT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "source/libvirt/api.h"
#include "source/libvirt/domain_facts.h"

#define LIBVIRT_TIMEOUT_MS      5000
#define LIBVIRT_OPEN_TIMEOUT_MS 30000 /* over ssh, where a human may type a password */

/* A good timeout for libvirt_connect: SHARED_TIMEOUT_MS, unless the URI names a host. */
unsigned libvirt_connect_timeout_ms(const char *uri);

/* Maximum size in bytes of one peek: what fits in a reply of libvirt's protocol (4 MiB in libvirt 9.0). */
#define LIBVIRT_PEEK_MAX (4u << 20)

struct libvirt_connection {
	const struct libvirt_api *api;
	virConnectPtr conn;
	char uri[256];
	bool is_local; /* the daemon is on this machine, judging by the URI: it names no host */
	/*
	 * Of each further call, closing included: LIBVIRT_TIMEOUT_MS at first. Who opens, asks and closes for a command that
	 * waits sets SHARED_TIMEOUT_MS, or a silent daemon would cost it so much for each of its calls.
	 */
	unsigned timeout_ms;
};

/*
 * A NULL URI is the user's default: that of LIBVIRT_DEFAULT_URI, of libvirt.conf, or what libvirt finds. The timeout is
 * that of connecting; it may be SHARED_TIMEOUT_MS (base/deadline.h).
 */
int libvirt_connect(struct libvirt_connection *connection, const char *uri, unsigned timeout_ms,
		    struct error *err);
void libvirt_disconnect(struct libvirt_connection *connection);

/*
 * How long to wait before the next try to connect, after one that returned `result`; the wait before it was `waited_ms`
 * (0: none). A try of a daemon that is running but silent leaves a thread behind until the daemon answers, so these
 * become less frequent.
 */
int libvirt_retry_ms(int result, int waited_ms);

/*
 * Finds a domain as a person names it: by its name, active or not; else by its UUID; else by its ID. Unlike in virsh a
 * name comes first, because it is what lists of domains show. The name in its facts may be cut, and then be another
 * domain's. libvirt_domain_put releases the domain.
 */
int libvirt_domain_find(const struct libvirt_connection *connection, const char *name,
			virDomainPtr *domain, struct error *err);
int libvirt_domain_find_uuid(const struct libvirt_connection *connection, const char *uuid,
			     virDomainPtr *domain, struct error *err);
void libvirt_domain_put(const struct libvirt_connection *connection, virDomainPtr domain);

int libvirt_domain_facts(const struct libvirt_connection *connection, virDomainPtr domain,
			 struct domain_facts *facts, struct error *err);

/* Copies guest memory from a guest physical address; at most LIBVIRT_PEEK_MAX bytes. */
int libvirt_domain_peek(const struct libvirt_connection *connection, virDomainPtr domain,
			uint64_t address, void *buffer, size_t size, struct error *err);

/* A call without an answer in time may still take effect. A daemon serves those of one domain one after the other. */
int libvirt_domain_suspend(const struct libvirt_connection *connection, virDomainPtr domain,
			   struct error *err);
int libvirt_domain_resume(const struct libvirt_connection *connection, virDomainPtr domain,
			  struct error *err);

/*
 * Lists the active domains: *facts is an array of *count, for free(), with their names, UUIDs and whether they are
 * paused. A domain that is paused or resumed meanwhile may be listed twice, or not at all.
 */
int libvirt_domains_list(const struct libvirt_connection *connection, struct domain_facts **facts,
			 unsigned *count, struct error *err);

#endif
