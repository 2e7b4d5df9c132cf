/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Events of a libvirt connection: changes of its domains, and the end of the connection itself. libvirt needs one event
 * loop in a process; a thread runs it as long as there are listeners.
 *
 *     libvirt_loop_start, libvirt_connect, libvirt_listen ... libvirt_unlisten, libvirt_disconnect, libvirt_loop_stop
 */
#ifndef VMM_LIBVIRT_EVENTS_H
#define VMM_LIBVIRT_EVENTS_H

#include <stdbool.h>

#include "base/error.h"
#include "source/libvirt/connection.h"

enum libvirt_event {
	DOMAIN_CHANGED, /* started, or any change other than those below */
	DOMAIN_PAUSED,
	DOMAIN_RESUMED,
	DOMAIN_STOPPED, /* ended, crashed, or for another reason than the following */
	DOMAIN_SAVED,
	DOMAIN_MIGRATED,
	DOMAIN_REVERTED, /* a snapshot takes its place */
	LIBVIRT_LOST,    /* no more events come */
};

/* Whether a run of the domain ends with it. */
static inline bool libvirt_event_is_end(enum libvirt_event event)
{
	return event == DOMAIN_STOPPED || event == DOMAIN_SAVED || event == DOMAIN_MIGRATED ||
	       event == DOMAIN_REVERTED;
}

/* Runs on the loop's thread, which it must not block. */
typedef void (*libvirt_on_event)(void *context, enum libvirt_event event);

struct libvirt_listener;

/*
 * Start the loop before making a connection whose events are wanted, and stop it after the connection is closed; the
 * last stop ends the thread. Returns 0 or a negative errno with a line of text.
 */
int libvirt_loop_start(struct error *err);
void libvirt_loop_stop(void);

/* Listens to a domain, or to all of the connection (NULL). Returns 0 or a negative errno with a line of text. */
int libvirt_listen(const struct libvirt_connection *connection, virDomainPtr domain,
		   libvirt_on_event on_event, void *context, struct libvirt_listener **listener,
		   struct error *err);

/* on_event is not called any more once this has returned. Must not be called from on_event. */
void libvirt_unlisten(const struct libvirt_connection *connection,
		      struct libvirt_listener *listener);

#endif
