/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Events of a libvirt connection: what becomes of its domains, and the end of the connection itself. libvirt wants one
 * event loop in a process; a thread runs it while somebody listens.
 *
 *     libvirt_loop_start, libvirt_connect, libvirt_listen ... libvirt_unlisten, libvirt_disconnect, libvirt_loop_stop
 */
#ifndef VMM_LIBVIRT_EVENTS_H
#define VMM_LIBVIRT_EVENTS_H

#include <stdbool.h>

#include "base/error.h"
#include "source/libvirt/connection.h"

enum libvirt_event {
	DOMAIN_CHANGED, /* started, paused, resumed or something else that is no end */
	DOMAIN_STOPPED,
	LIBVIRT_LOST, /* nothing comes any more */
};

/* On the loop's thread, which it must not keep. */
typedef void (*libvirt_on_event)(void *context, enum libvirt_event event);

struct libvirt_listener;

/*
 * Before a connection is made whose events are wanted, and after it is gone; the last stop ends the thread. Returns 0
 * or a negative errno with a line of text.
 */
int libvirt_loop_start(struct error *err);
void libvirt_loop_stop(void);

/* To a domain, or to all of the connection (NULL). Returns 0 or a negative errno with a line of text. */
int libvirt_listen(const struct libvirt_connection *connection, virDomainPtr domain,
		   libvirt_on_event on_event, void *context, struct libvirt_listener **listener,
		   struct error *err);

/* When this returns, on_event has been called for the last time. Not from on_event. */
void libvirt_unlisten(const struct libvirt_connection *connection,
		      struct libvirt_listener *listener);

#endif
