/* SPDX-License-Identifier: MPL-2.0 */
/* The connection to one run of a domain: see domain_link.h. */
#include "source/libvirt/domain_link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/thread.h"
#include "base/wake_fd.h"
#include "source/libvirt/events.h"

/*
 * How long a daemon has to report how a run ended whose process is gone: as long as for any other answer. It reports when
 * it has cleaned up, which takes it a second or two.
 */
#define REPORT_NS (LIBVIRT_TIMEOUT_MS * NS_PER_MS)

#define TEXT_LOST    "is out of reach: the connection to libvirtd is lost"
#define TEXT_UNKNOWN "is out of reach: libvirtd does not know it, though its process runs"

struct domain_link {
	char *uri;
	struct domain_facts facts;
	bool is_local;
	char shown_uri[sizeof(((struct libvirt_connection *)0)->uri)];
	int pidfd;

	pthread_t thread;
	bool has_thread;
	int wake_fd; /* signals an event, or the stop */
	/* Atomic, relaxed: set before a write to wake_fd and read after a read from it, which orders them. */
	bool stop, is_lost;
	enum libvirt_event end; /* the last event that ended the domain; DOMAIN_CHANGED: none */

	pthread_mutex_t
		lock; /* protects the fields below; the thread alone changes the connection */
	pthread_cond_t changed;
	enum source_state state;
	const char *text; /* of the state, as source_state_text; NULL: the usual one */
	uint64_t gone_ns; /* when the end of the process was seen; 0: it runs, or is not known */
	unsigned connections; /* made so far */
	virDomainPtr domain;  /* NULL: not connected */
	struct libvirt_connection connection;
	struct libvirt_listener *listener;
};

static bool process_is_gone(const struct domain_link *link)
{
	struct pollfd process = {.fd = link->pidfd, .events = POLLIN};

	return link->pidfd >= 0 && poll(&process, 1, 0) > 0;
}

/* The caller holds the lock. A run that has ended stays so. */
static void set_state(struct domain_link *link, enum source_state state, const char *text)
{
	if (link->state == SOURCE_ENDED)
		return;
	link->state = state;
	link->text = text;
	pthread_cond_broadcast(&link->changed);
}

static void set_state_locked(struct domain_link *link, enum source_state state, const char *text)
{
	pthread_mutex_lock(&link->lock);
	set_state(link, state, text);
	pthread_mutex_unlock(&link->lock);
}

/* Runs on the loop's thread. */
static void on_event(void *context, enum libvirt_event event)
{
	struct domain_link *link = context;

	if (event == LIBVIRT_LOST) {
		__atomic_store_n(&link->is_lost, true, __ATOMIC_RELAXED);
		set_state_locked(link, SOURCE_CUT_OFF, TEXT_LOST);
	} else if (libvirt_event_is_end(event)) {
		__atomic_store_n(&link->end, event, __ATOMIC_RELAXED);
	}
	wake_fd_set(link->wake_fd);
}

/* NULL: in the usual way. */
static const char *end_text(const struct domain_link *link)
{
	switch (__atomic_load_n(&link->end, __ATOMIC_RELAXED)) {
	case DOMAIN_SAVED:
		return "was saved to a file";
	case DOMAIN_MIGRATED:
		return "was migrated away";
	case DOMAIN_REVERTED:
		return "was replaced by one of its snapshots";
	default:
		return NULL;
	}
}

/* --- the connection --- */

struct attempt {
	struct libvirt_connection connection;
	virDomainPtr domain;
	struct libvirt_listener *listener;
};

static void drop(struct attempt *attempt)
{
	if (attempt->listener)
		libvirt_unlisten(&attempt->connection, attempt->listener);
	if (attempt->domain)
		libvirt_domain_put(&attempt->connection, attempt->domain);
	if (attempt->connection.conn)
		libvirt_disconnect(&attempt->connection);
	*attempt = (struct attempt){0};
}

/* Connects, finds the domain (NULL: by the UUID that it has), and listens before it asks, so that no event is missed. */
static int try_connect(struct domain_link *link, const char *domain, struct attempt *attempt,
		       struct domain_facts *facts, struct error *err)
{
	unsigned timeout_ms = domain ? libvirt_connect_timeout_ms(link->uri) : LIBVIRT_TIMEOUT_MS;

	*attempt = (struct attempt){0};
	__atomic_store_n(&link->is_lost, false, __ATOMIC_RELAXED);
	int result = libvirt_connect(&attempt->connection, link->uri, timeout_ms, err);

	if (result < 0)
		return result;
	if (timeout_ms == SHARED_TIMEOUT_MS)
		attempt->connection.timeout_ms = timeout_ms;
	result = domain ? libvirt_domain_find(&attempt->connection, domain, &attempt->domain, err)
			: libvirt_domain_find_uuid(&attempt->connection, link->facts.uuid,
						   &attempt->domain, err);
	if (result == 0)
		result = libvirt_listen(&attempt->connection, attempt->domain, on_event, link,
					&attempt->listener, err);
	if (result == 0)
		result = libvirt_domain_facts(&attempt->connection, attempt->domain, facts, err);
	if (result < 0)
		drop(attempt);
	return result;
}

static void adopt(struct domain_link *link, const struct attempt *attempt)
{
	pthread_mutex_lock(&link->lock);
	link->connection = attempt->connection;
	/* From here on it is used by a thread that nobody waits for. */
	link->connection.timeout_ms = LIBVIRT_TIMEOUT_MS;
	link->domain = attempt->domain;
	link->listener = attempt->listener;
	link->connections++;
	pthread_mutex_unlock(&link->lock);
}

static void disconnect(struct domain_link *link)
{
	pthread_mutex_lock(&link->lock);
	struct attempt old = {link->connection, link->domain, link->listener};

	link->domain = NULL;
	link->listener = NULL;
	link->connection.conn = NULL;
	pthread_mutex_unlock(&link->lock);
	drop(&old);
}

/* --- the thread --- */

/* Whether the daemon says that the run is over: `result` of asking it, and what it answered. */
static bool is_over(const struct domain_link *link, int result, const struct domain_facts *facts)
{
	return result == -ENOENT ||
	       (result == 0 && (!facts->is_active || facts->id != link->facts.id));
}

/* Takes the daemon's word about the run. */
static void judge(struct domain_link *link, int result, const struct domain_facts *facts)
{
	if (is_over(link, result, facts) && link->pidfd >= 0 && !process_is_gone(link))
		set_state_locked(link, SOURCE_CUT_OFF, TEXT_UNKNOWN);
	else if (is_over(link, result, facts))
		set_state_locked(link, SOURCE_ENDED, end_text(link));
	else if (result == 0)
		set_state_locked(link, SOURCE_LIVE, NULL);
}

/*
 * The daemon's answer that the run has ended can overtake the event that says how. The event is on its way: the connection
 * has not been lost since the run was asked for the first time.
 */
static void await_end_event(struct domain_link *link)
{
	struct pollfd wake = {.fd = link->wake_fd, .events = POLLIN};
	uint64_t until_ns = clock_now_ns() + REPORT_NS;

	while (!libvirt_event_is_end(__atomic_load_n(&link->end, __ATOMIC_RELAXED)) &&
	       !__atomic_load_n(&link->is_lost, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&link->stop, __ATOMIC_RELAXED) && clock_now_ns() < until_ns)
		if (poll(&wake, 1, clock_left_ms(until_ns)) > 0)
			wake_fd_clear(link->wake_fd);
}

/* Asks again. The library remembers the ID that a domain had when it was found, so the domain is found anew. */
static int ask(struct domain_link *link)
{
	struct domain_facts facts;
	struct error ignored;
	virDomainPtr domain;
	int result =
		libvirt_domain_find_uuid(&link->connection, link->facts.uuid, &domain, &ignored);

	if (result == 0) {
		result = libvirt_domain_facts(&link->connection, domain, &facts, &ignored);
		libvirt_domain_put(&link->connection, domain);
	}
	/* A silent daemon's connection ends by its keepalive, which is an event. */
	if (__atomic_load_n(&link->is_lost, __ATOMIC_RELAXED) ||
	    (result < 0 && result != -ENOENT && result != -ETIMEDOUT)) {
		set_state_locked(link, SOURCE_CUT_OFF, TEXT_LOST);
		disconnect(link);
		return -ENOTCONN;
	}
	if (is_over(link, result, &facts) && (link->pidfd < 0 || process_is_gone(link)))
		await_end_event(link);
	judge(link, result, &facts);
	return result;
}

static int connect_again(struct domain_link *link)
{
	struct domain_facts facts;
	struct attempt attempt;
	struct error ignored;
	int result = try_connect(link, NULL, &attempt, &facts, &ignored);

	if (result == 0)
		adopt(link, &attempt);
	judge(link, result, &facts);
	return result;
}

static void *follow(void *argument)
{
	struct domain_link *link = argument;
	struct pollfd wake = {.fd = link->wake_fd, .events = POLLIN};
	const char *ignored;
	int wait_ms = 0;

	while (!__atomic_load_n(&link->stop, __ATOMIC_RELAXED)) {
		int result = link->domain ? ask(link) : connect_again(link);
		enum source_state state = domain_link_state(link, &ignored);

		if (state == SOURCE_ENDED)
			break;
		wait_ms = state == SOURCE_LIVE ? 0 : libvirt_retry_ms(result, wait_ms);
		poll(&wake, 1, state == SOURCE_LIVE ? -1 : wait_ms);
		if (wake.revents)
			wake_fd_clear(link->wake_fd);
	}
	return NULL;
}

/* --- the interface --- */

int domain_link_open(const char *uri, const char *domain, struct domain_link **made,
		     struct error *err)
{
	struct domain_link *link = calloc(1, sizeof(*link));
	struct attempt attempt;

	if (!link)
		return error_set(err, -ENOMEM, "no memory for another VM");
	pthread_mutex_init(&link->lock, NULL);
	thread_condition_init(&link->changed);
	link->pidfd = -1;
	link->uri = uri ? strdup(uri) : NULL;
	link->wake_fd = wake_fd_open(err);
	int result = link->wake_fd;

	if (result >= 0)
		result = uri && !link->uri ? error_set(err, -ENOMEM, "no memory for a URI")
					   : try_connect(link, domain, &attempt, &link->facts, err);
	if (result == 0) {
		adopt(link, &attempt);
		link->is_local = attempt.connection.is_local;
		strcpy(link->shown_uri, attempt.connection.uri);
	}
	if (result == 0 && !link->facts.is_active)
		result = error_set(err, -ENOENT, "the domain %s is not running", link->facts.name);
	if (result < 0)
		domain_link_close(link);
	else
		*made = link;
	return result;
}

int domain_link_follow(struct domain_link *link, int pidfd, struct error *err)
{
	link->pidfd = pidfd;
	int result = thread_start(&link->thread, follow, link, err);

	link->has_thread = result == 0;
	return result;
}

void domain_link_close(struct domain_link *link)
{
	if (link->has_thread) {
		__atomic_store_n(&link->stop, true, __ATOMIC_RELAXED);
		wake_fd_set(link->wake_fd);
		pthread_join(link->thread, NULL);
	}
	link->connection.timeout_ms = SHARED_TIMEOUT_MS;
	disconnect(link);
	fd_close(link->wake_fd);
	fd_close(link->pidfd);
	pthread_cond_destroy(&link->changed);
	pthread_mutex_destroy(&link->lock);
	free(link->uri);
	free(link);
}

const struct domain_facts *domain_link_facts(const struct domain_link *link)
{
	return &link->facts;
}

const char *domain_link_uri(const struct domain_link *link)
{
	return link->uri ? link->uri : link->shown_uri;
}

bool domain_link_is_local(const struct domain_link *link)
{
	return link->is_local;
}

/*
 * A process that is gone ends the run, whatever is known of the daemon. A daemon that is connected gets a moment to
 * report how.
 */
enum source_state domain_link_state(struct domain_link *link, const char **text)
{
	pthread_mutex_lock(&link->lock);
	if (link->state != SOURCE_ENDED && process_is_gone(link)) {
		uint64_t now = clock_now_ns();

		if (!link->gone_ns)
			link->gone_ns = now;
		if (link->state == SOURCE_CUT_OFF || now - link->gone_ns >= REPORT_NS)
			set_state(link, SOURCE_ENDED, end_text(link));
	}
	enum source_state state = link->state;

	if (link->text)
		*text = link->text;
	pthread_mutex_unlock(&link->lock);
	return state;
}

int domain_link_await(struct domain_link *link, unsigned *connections, struct error *err)
{
	uint64_t deadline_ns = deadline_begin_wait(SHARED_TIMEOUT_MS);

	pthread_mutex_lock(&link->lock);
	while (link->state == SOURCE_CUT_OFF &&
	       thread_wait_until(&link->changed, &link->lock, deadline_ns))
		;
	enum source_state state = link->state;
	const char *text = link->text;

	*connections = link->connections;
	pthread_mutex_unlock(&link->lock);
	deadline_end_wait(SHARED_TIMEOUT_MS, state != SOURCE_CUT_OFF);
	return state == SOURCE_LIVE ? 0
				    : error_set(err, -ENOTCONN, "the domain %s %s",
						link->facts.name, text ? text : "has ended");
}

int domain_link_peek(struct domain_link *link, uint64_t address, void *buffer, size_t size,
		     struct error *err)
{
	pthread_mutex_lock(&link->lock);
	virDomainPtr domain = link->state == SOURCE_LIVE ? link->domain : NULL;
	struct libvirt_connection connection = link->connection;

	if (domain)
		connection.api->virDomainRef(domain);
	pthread_mutex_unlock(&link->lock);
	if (!domain)
		return error_set(err, -ENOTCONN, "the domain %s is out of reach", link->facts.name);
	int result = libvirt_domain_peek(&connection, domain, address, buffer, size, err);

	libvirt_domain_put(&connection, domain);
	return result;
}
