/* SPDX-License-Identifier: MPL-2.0 */
/* Events of libvirt: see events.h. */
#include "source/libvirt/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"
#include "source/libvirt/call.h"

/* --- the loop --- */

static struct {
	pthread_mutex_t lock; /* protects everything but `stop` */
	unsigned users;
	bool is_registered;
	const struct libvirt_api *api;
	pthread_t thread;
	int timer;
	bool stop; /* atomic, relaxed: comes with a wake-up, and publishes no other data */
} loop = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Exists only to wake the loop. */
static void on_timer(int timer, void *opaque)
{
	(void)opaque;
	loop.api->virEventUpdateTimeout(timer, -1);
}

static void *run_loop(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&loop.stop, __ATOMIC_RELAXED))
		if (loop.api->virEventRunDefaultImpl() < 0)
			break;
	return NULL;
}

static int start_thread(struct error *err)
{
	/* A timer that never fires by itself. */
	loop.timer = loop.api->virEventAddTimeout(-1, on_timer, NULL, NULL);
	if (loop.timer < 0)
		return error_set(err, -ENOMEM, "libvirt has no memory for its events");
	__atomic_store_n(&loop.stop, false, __ATOMIC_RELAXED);
	int result = thread_start(&loop.thread, run_loop, NULL, err);

	if (result < 0)
		loop.api->virEventRemoveTimeout(loop.timer);
	return result;
}

static int start_loop(struct error *err)
{
	loop.api = libvirt_api(err);
	if (!loop.api)
		return -ENOTSUP;
	if (!loop.is_registered && loop.api->virEventRegisterDefaultImpl() < 0)
		return error_set(err, -ENOTSUP, "libvirt has no event loop");
	loop.is_registered = true;
	return start_thread(err);
}

int libvirt_loop_start(struct error *err)
{
	pthread_mutex_lock(&loop.lock);
	int result = loop.users == 0 ? start_loop(err) : 0;

	loop.users += result == 0;
	pthread_mutex_unlock(&loop.lock);
	return result;
}

void libvirt_loop_stop(void)
{
	pthread_mutex_lock(&loop.lock);
	loop.users--;
	if (loop.users == 0) {
		__atomic_store_n(&loop.stop, true, __ATOMIC_RELAXED);
		loop.api->virEventUpdateTimeout(loop.timer, 0);
		pthread_join(loop.thread, NULL);
		loop.api->virEventRemoveTimeout(loop.timer);
	}
	pthread_mutex_unlock(&loop.lock);
}

/* --- listeners --- */

struct libvirt_listener {
	pthread_mutex_t lock; /* held while on_event runs */
	unsigned references;  /* the listener's owner, and each callback registered with libvirt */
	libvirt_on_event on_event; /* NULL: not called any more */
	void *context;
	int callback_id;
	bool has_close_callback;
	bool is_close_put; /* under the lock: libvirt has put the close callback's reference */
};

static void put_listener(void *opaque)
{
	struct libvirt_listener *listener = opaque;

	pthread_mutex_lock(&listener->lock);
	bool is_last = --listener->references == 0;

	pthread_mutex_unlock(&listener->lock);
	if (!is_last)
		return;
	pthread_mutex_destroy(&listener->lock);
	free(listener);
}

static void put_close(void *opaque)
{
	struct libvirt_listener *listener = opaque;

	pthread_mutex_lock(&listener->lock);
	listener->is_close_put = true;
	pthread_mutex_unlock(&listener->lock);
	put_listener(listener);
}

static void tell(struct libvirt_listener *listener, enum libvirt_event event)
{
	pthread_mutex_lock(&listener->lock);
	if (listener->on_event)
		listener->on_event(listener->context, event);
	pthread_mutex_unlock(&listener->lock);
}

static enum libvirt_event stopped_event(int detail)
{
	switch (detail) {
	case VIR_DOMAIN_EVENT_STOPPED_SAVED:
		return DOMAIN_SAVED;
	case VIR_DOMAIN_EVENT_STOPPED_MIGRATED:
		return DOMAIN_MIGRATED;
	case VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT:
		return DOMAIN_REVERTED;
	default:
		return DOMAIN_STOPPED;
	}
}

static enum libvirt_event event_of(int event, int detail)
{
	switch (event) {
	case VIR_DOMAIN_EVENT_STOPPED:
		return stopped_event(detail);
	case VIR_DOMAIN_EVENT_SUSPENDED:
		return DOMAIN_PAUSED;
	case VIR_DOMAIN_EVENT_RESUMED:
		return DOMAIN_RESUMED;
	default:
		return DOMAIN_CHANGED;
	}
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr domain, int event, int detail,
			void *opaque)
{
	(void)conn;
	(void)domain;
	tell(opaque, event_of(event, detail));
	return 0;
}

static void on_close(virConnectPtr conn, int reason, void *opaque)
{
	(void)conn;
	(void)reason;
	tell(opaque, LIBVIRT_LOST);
}

static int register_callbacks(struct libvirt_call *call)
{
	struct libvirt_listener *listener = call->context;
	const struct libvirt_api *api = call->api;

	pthread_mutex_lock(&listener->lock);
	listener->references += 2;
	pthread_mutex_unlock(&listener->lock);
	listener->callback_id = api->virConnectDomainEventRegisterAny(
		call->conn, call->domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), listener, put_listener);
	if (listener->callback_id < 0) {
		put_listener(listener);
		put_listener(listener);
		return -1;
	}
	/* Not every driver supports this: a driver inside this process cannot be lost. */
	listener->has_close_callback = api->virConnectRegisterCloseCallback(
					       call->conn, on_close, listener, put_close) == 0;
	if (!listener->has_close_callback)
		put_listener(listener);
	return 0;
}

int libvirt_listen(const struct libvirt_connection *connection, virDomainPtr domain,
		   libvirt_on_event on_event, void *context, struct libvirt_listener **listener,
		   struct error *err)
{
	struct libvirt_listener *made = calloc(1, sizeof(*made));
	struct libvirt_call *call =
		libvirt_call_new(connection->api, connection->conn, domain, register_callbacks);

	if (!made || !call) {
		free(made);
		if (call)
			libvirt_call_free(call);
		return error_set(err, -ENOMEM, "no memory for libvirt's events");
	}
	pthread_mutex_init(&made->lock, NULL);
	made->references = 1;
	made->on_event = on_event;
	made->context = context;
	call->context = made;
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result == 0) {
		libvirt_call_free(call);
		*listener = made;
		return 0;
	}
	/* A late registration must not call on_event, but still needs the listener. */
	pthread_mutex_lock(&made->lock);
	made->on_event = NULL;
	pthread_mutex_unlock(&made->lock);
	if (result != -ETIMEDOUT)
		put_listener(made);
	return result;
}

/*
 * A driver without close callbacks reports success when they are registered and unregistered, but keeps nothing and
 * never puts the reference. Where unregistering fails, libvirt still holds the reference or has put it already.
 */
static bool close_is_forgotten(struct libvirt_call *call)
{
	struct libvirt_listener *listener = call->context;

	if (!listener->has_close_callback ||
	    call->api->virConnectUnregisterCloseCallback(call->conn, on_close) < 0)
		return false;
	pthread_mutex_lock(&listener->lock);
	bool is_put = listener->is_close_put;

	pthread_mutex_unlock(&listener->lock);
	return !is_put;
}

static int deregister_callbacks(struct libvirt_call *call)
{
	struct libvirt_listener *listener = call->context;

	if (close_is_forgotten(call))
		put_listener(listener);
	call->api->virConnectDomainEventDeregisterAny(call->conn, listener->callback_id);
	put_listener(listener);
	return 0;
}

void libvirt_unlisten(const struct libvirt_connection *connection,
		      struct libvirt_listener *listener)
{
	struct libvirt_call *call =
		libvirt_call_new(connection->api, connection->conn, NULL, deregister_callbacks);
	struct error ignored;

	pthread_mutex_lock(&listener->lock);
	listener->on_event = NULL;
	pthread_mutex_unlock(&listener->lock);
	if (call)
		call->context = listener;
	if (libvirt_call_make(call, connection->timeout_ms, &ignored) == 0)
		libvirt_call_free(call);
}
