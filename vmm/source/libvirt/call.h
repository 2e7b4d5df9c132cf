/* SPDX-License-Identifier: MPL-2.0 */
/* One call of the libvirt library with a deadline: what connection.c and its neighbours make theirs of. */
#ifndef VMM_LIBVIRT_CALL_H
#define VMM_LIBVIRT_CALL_H

#include "base/bounded_call.h"
#include "base/error.h"
#include "source/libvirt/api.h"
#include "source/libvirt/domain_facts.h"

/* On the heap, and holding references of its own: a call that is abandoned outlives its caller. */
struct libvirt_call {
	struct bounded_call call;
	int (*work)(struct libvirt_call *call); /* as libvirt: negative is a failure */
	void (*undo)(struct libvirt_call
			     *call); /* of a work that succeeded too late; NULL: nothing to undo */

	const struct libvirt_api *api;
	virConnectPtr conn;  /* NULL: none yet */
	virDomainPtr domain; /* NULL: none */

	/* Arguments and results, as the work has them. */
	char *text;
	uint64_t address;
	size_t size;
	void *buffer;  /* freed with the call, as text and list are */
	void *context; /* whoever's it is */
	struct domain_facts facts;
	struct domain_facts *list;
	unsigned count;

	int result;
	int code; /* of virErrorNumber, after a failure */
	char why[256];
};

/* A call with references to the connection (may be NULL) and the domain (may be NULL), or NULL: no memory. */
struct libvirt_call *libvirt_call_new(const struct libvirt_api *api, virConnectPtr conn,
				      virDomainPtr domain, int (*work)(struct libvirt_call *));

/*
 * Makes it. On failure (see connection.h; the text is the library's own) the call is gone; after success it is for
 * libvirt_call_free.
 */
int libvirt_call_make(struct libvirt_call *call, unsigned timeout_ms, struct error *err);

void libvirt_call_free(struct libvirt_call *call);

/* Copies text that is not ours: printable ASCII, '?' for the rest, cut to fit. */
void libvirt_copy_text(char *to, size_t size, const char *from);

#endif
