/* SPDX-License-Identifier: MPL-2.0 */
/* The process that pauses a domain: see libvirt_pauser.h. */
#include "source/libvirt/libvirt_pauser.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/libvirt/domain_process.h"
#include "source/libvirt/domain_state.h"
#include "source/libvirt/events.h"
#include "source/pauser_serve.h"

/*
 * A resume that failed is tried again until the domain's process is gone, or for this time where the process is not known:
 * a daemon may be away or silent for long, and nobody else would resume the domain. In the first minute, in which a daemon
 * that restarts is back, tries are frequent.
 */
#define PATIENCE_NS (24 * 3600 * NS_PER_S)
#define SOON_MS     100
#define SOON_TRIES  600

struct libvirt_pauser {
	struct libvirt_connection connection;
	virDomainPtr domain;
	struct libvirt_listener *listener;
	const char *uri, *uuid;
	int pidfd;   /* of the domain's process; -1: not known */
	unsigned id; /* of the run that `begin` found: a domain that is started again has another */
	bool is_ours;      /* this process suspended the domain, or may have done so */
	bool is_uncertain; /* the suspend got no answer: it may still be ahead */
	bool was_asked;    /* this process asked for the resume */
	bool was_paused; /* an event of the pause has arrived. Atomic like the next: the loop's thread sets them. */
	bool was_resumed; /* since then */
};

/* Events of one connection arrive in order, but late: a resume before this pause's own event is older than the pause. */
static void on_event(void *context, enum libvirt_event event)
{
	struct libvirt_pauser *pauser = context;

	/* Relaxed: the flags publish no other data. */
	if (event == DOMAIN_PAUSED)
		__atomic_store_n(&pauser->was_paused, true, __ATOMIC_RELAXED);
	else if (event == DOMAIN_RESUMED && __atomic_load_n(&pauser->was_paused, __ATOMIC_RELAXED))
		__atomic_store_n(&pauser->was_resumed, true, __ATOMIC_RELAXED);
}

static void expect_events(struct libvirt_pauser *pauser, bool is_paused)
{
	__atomic_store_n(&pauser->was_resumed, false, __ATOMIC_RELAXED);
	__atomic_store_n(&pauser->was_paused, is_paused, __ATOMIC_RELAXED);
}

static bool was_resumed(const struct libvirt_pauser *pauser)
{
	return __atomic_load_n(&pauser->was_resumed, __ATOMIC_RELAXED);
}

static int open_domain(struct libvirt_pauser *pauser, struct error *err)
{
	int result =
		libvirt_connect(&pauser->connection, pauser->uri, LIBVIRT_OPEN_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	result = libvirt_domain_find_uuid(&pauser->connection, pauser->uuid, &pauser->domain, err);
	if (result == 0) {
		result = libvirt_listen(&pauser->connection, pauser->domain, on_event, pauser,
					&pauser->listener, err);
		if (result < 0)
			libvirt_domain_put(&pauser->connection, pauser->domain);
	}
	if (result < 0)
		libvirt_disconnect(&pauser->connection);
	return result;
}

static void close_domain(struct libvirt_pauser *pauser)
{
	libvirt_unlisten(&pauser->connection, pauser->listener);
	libvirt_domain_put(&pauser->connection, pauser->domain);
	libvirt_disconnect(&pauser->connection);
}

/* A connection does not survive its daemon, but domains do. The old connection stays if a new one cannot be made. */
static int connect_anew(struct libvirt_pauser *pauser)
{
	struct libvirt_pauser old = *pauser;
	struct error ignored;
	int result = open_domain(pauser, &ignored);

	if (result == 0) {
		close_domain(&old);
		return 0;
	}
	pauser->connection = old.connection;
	pauser->domain = old.domain;
	pauser->listener = old.listener;
	return result;
}

static bool process_is_gone(const struct libvirt_pauser *pauser)
{
	struct pollfd process = {.fd = pauser->pidfd, .events = POLLIN};

	return pauser->pidfd >= 0 && poll(&process, 1, 0) > 0;
}

/* The library remembers the ID that a domain had when it was found, so the domain is found anew. */
static int find_run(struct libvirt_pauser *pauser, unsigned *id, struct error *err)
{
	virDomainPtr domain;
	int result = libvirt_domain_find_uuid(&pauser->connection, pauser->uuid, &domain, err);

	if (result < 0)
		return result;
	*id = pauser->connection.api->virDomainGetID(domain);
	libvirt_domain_put(&pauser->connection, domain);
	return 0;
}

static int look(struct libvirt_pauser *pauser, struct domain_state *state, struct error *err)
{
	return libvirt_domain_state(&pauser->connection, pauser->domain, state, err);
}

/* Whether the daemon cannot be reached, so that the outcome of a request is unknown. */
static bool is_cut_off(struct libvirt_pauser *pauser)
{
	struct domain_state state;
	struct error ignored;
	int result = look(pauser, &state, &ignored);

	return result < 0 && result != -ENOENT;
}

static int suspend(struct libvirt_pauser *pauser, struct error *err)
{
	expect_events(pauser, false);
	int result = libvirt_domain_suspend(&pauser->connection, pauser->domain, err);

	/* A suspend that timed out may still take effect; one whose daemon died may have taken effect already. */
	pauser->is_uncertain = result == -ETIMEDOUT;
	pauser->is_ours = result == 0 || pauser->is_uncertain || is_cut_off(pauser);
	return result;
}

/* A domain that is paused already was paused by someone else, and stays paused. */
static int begin(void *own, bool *is_held, struct error *err)
{
	struct libvirt_pauser *pauser = own;
	struct domain_state state;
	bool has_job = false;
	int result = look(pauser, &state, err);

	*is_held = pauser->is_ours = pauser->is_uncertain = pauser->was_asked = false;
	if (result < 0)
		return result;
	if (!state.is_active)
		return error_set(err, -ENOTCONN, "the domain has ended");
	if (!state.is_running) {
		expect_events(pauser, true);
		return find_run(pauser, &pauser->id, err);
	}
	result = find_run(pauser, &pauser->id, err);
	if (result == 0)
		result = libvirt_domain_has_job(&pauser->connection, pauser->domain, &has_job, err);
	if (result < 0)
		return result;
	if (has_job)
		return error_set(err, -EBUSY,
				 "libvirt is migrating, saving or dumping the domain, and its copy "
				 "could stay paused; try again later");
	result = suspend(pauser, err);
	*is_held = pauser->is_ours;
	return result;
}

static int stays(const struct domain_state *state, struct error *err)
{
	return error_set(err, -EBUSY,
			 "the domain stays stopped: libvirt's reason is \"%s\" by now, and only "
			 "whoever stopped it can tell when it may run",
			 domain_state_reason(state));
}

/* One try to end the pause. Returns -EAGAIN if there has to be another. */
static int try_to_end(struct libvirt_pauser *pauser, struct error *err)
{
	struct domain_state state;
	struct error why;
	unsigned id = pauser->id;
	int result = look(pauser, &state, &why);

	if (result == 0)
		result = find_run(pauser, &id, &why);
	if (result == -ENOENT || process_is_gone(pauser) ||
	    (result == 0 && (!state.is_active || id != pauser->id)))
		return error_set(err, -ENOTCONN, "the domain has ended");
	if (result < 0)
		return pauser->is_ours ? error_set(err, -EAGAIN, "%s", why.text)
				       : error_set(err, result, "%s", why.text);
	/* A resume without an answer took effect all the same; whoever suspended the domain since means it. */
	if (pauser->was_asked && (state.is_running || was_resumed(pauser)))
		return 0;
	/* Requests of one domain are served in turn: this resume comes after the suspend. */
	bool is_ahead = pauser->is_uncertain && state.is_running && !pauser->was_asked;

	if (!is_ahead && !pauser->was_asked && (was_resumed(pauser) || state.is_running))
		return error_set(
			err, -EBUSY,
			"someone else resumed the domain during the pause%s: what was read "
			"is not of one instant",
			state.is_running ? "" : " and stopped it again");
	if (!pauser->is_ours)
		return 0;
	if (!is_ahead && !domain_state_is_user_pause(&state))
		return stays(&state, err);
	pauser->was_asked = true;
	result = libvirt_domain_resume(&pauser->connection, pauser->domain, &why);
	return result == 0 ? 0 : error_set(err, -EAGAIN, "%s", why.text);
}

/* Retries until it is known what came of the pause: a daemon that is gone must not prevent a resume. */
static int end(void *own, struct error *err)
{
	struct libvirt_pauser *pauser = own;
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
	int result = try_to_end(pauser, err), connected = 0, wait_ms = 0;

	for (int tries = 1; result == -EAGAIN && clock_now_ns() < deadline_ns; tries++) {
		wait_ms = connected != -ETIMEDOUT && tries < SOON_TRIES
				  ? SOON_MS
				  : libvirt_retry_ms(connected, wait_ms);
		clock_sleep_ns((uint64_t)wait_ms * NS_PER_MS);
		connected = connect_anew(pauser);
		result = try_to_end(pauser, err);
	}
	return result;
}

/* -1: it is on another machine, or cannot be told from others. */
static int open_process(const struct libvirt_pauser *pauser)
{
	uint32_t pid = pauser->connection.is_local ? domain_process_find("/proc", pauser->uuid) : 0;
	int pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	/* By now the pid may be another process's. */
	if (pidfd < 0 || domain_process_find("/proc", pauser->uuid) == pid)
		return pidfd;
	close(pidfd);
	return -1;
}

int libvirt_pauser_main(const char *uri, const char *uuid, const char *deadline_ms)
{
	struct libvirt_pauser pauser = {.uri = uri, .uuid = uuid};
	const struct pauser_work work = {.begin = begin, .end = end, .own = &pauser};
	struct error err;
	int result = libvirt_loop_start(&err);

	if (result < 0)
		return pauser_say_ready(result, &err), 1;
	result = open_domain(&pauser, &err);
	pauser.pidfd = result == 0 ? open_process(&pauser) : -1;
	if (pauser_say_ready(result, &err) && result == 0)
		pauser_serve(&work, (unsigned)strtoul(deadline_ms, NULL, 10));
	if (result == 0)
		close_domain(&pauser);
	libvirt_loop_stop();
	return result < 0;
}
