/* SPDX-License-Identifier: MPL-2.0 */
/* One libvirt call with a deadline: connection.c and its neighbours build their calls on it. */
#ifndef VMM_LIBVIRT_CALL_H
#define VMM_LIBVIRT_CALL_H

#include "base/bounded_call.h"
#include "base/error.h"
#include "source/libvirt/api.h"
#include "source/libvirt/domain_facts.h"

/* Lives on the heap and holds references of its own: an abandoned call outlives its caller. */
struct libvirt_call {
	struct bounded_call call;
	int (*work)(struct libvirt_call *call); /* as in libvirt: negative is a failure */

	const struct libvirt_api *api;
	virConnectPtr conn;  /* NULL: none yet */
	virDomainPtr domain; /* NULL: none */

	/* Arguments and results, as `work` uses them. */
	char *text;
	uint64_t address;
	size_t size;
	void *buffer;  /* freed with the call, like text and list */
	void *context; /* for `work`; not freed with the call */
	int state, reason;
	bool has_job;
	struct domain_facts facts;
	struct domain_facts *list;
	unsigned count;

	int result;
	int code; /* a virErrorNumber, after a failure */
	char why[256];
};

/* Returns a call with references to the connection and the domain (either may be NULL). NULL: no memory. */
struct libvirt_call *libvirt_call_new(const struct libvirt_api *api, virConnectPtr conn,
				      virDomainPtr domain, int (*work)(struct libvirt_call *));

/*
 * Makes the call; the timeout may be SHARED_TIMEOUT_MS (base/deadline.h). On failure (errors as in connection.h; the text
 * is the library's own) the call is gone. After success the caller frees it with libvirt_call_free.
 */
int libvirt_call_make(struct libvirt_call *call, unsigned timeout_ms, struct error *err);

void libvirt_call_free(struct libvirt_call *call);

#endif
