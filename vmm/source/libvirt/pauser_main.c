/* SPDX-License-Identifier: MPL-2.0 */
/* The process that pauses a domain: see pauser.h. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/libvirt/connection.h"
#include "source/libvirt/pauser.h"
#include "source/libvirt/pauser_protocol.h"

/* How often, and how many times, to retry a failed resume: for a minute, in which a daemon is back. */
#define RETRY_US  100000
#define RETRY_MAX 600

struct state {
	struct libvirt_connection connection;
	virDomainPtr domain;
	const char *uri, *uuid;
	bool is_paused; /* by this process */
	bool was_late;  /* the deadline ended the last pause */
	uint64_t deadline_ms, pause_ns, resume_ns;
};

static bool reply(int result, const struct error *err, uint64_t paused_ns)
{
	struct pauser_reply message = {.result = result, .paused_ns = paused_ns};

	if (result < 0)
		snprintf(message.text, sizeof(message.text), "%.200s", err->text);
	return send(STDIN_FILENO, &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message);
}

static int open_domain(struct state *state, struct error *err)
{
	int result = libvirt_connect(&state->connection, state->uri, LIBVIRT_OPEN_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	result = libvirt_domain_find_uuid(&state->connection, state->uuid, &state->domain, err);
	if (result < 0)
		libvirt_disconnect(&state->connection);
	return result;
}

static void close_domain(struct state *state)
{
	libvirt_domain_put(&state->connection, state->domain);
	libvirt_disconnect(&state->connection);
}

/* If the state is unknown, assume paused. A domain that is gone is not. */
static bool may_be_paused(const struct state *state)
{
	struct domain_facts facts;
	struct error ignored;
	int result = libvirt_domain_facts(&state->connection, state->domain, &facts, &ignored);

	return result == 0 ? facts.is_active && facts.is_paused : result != -ENOENT;
}

/* Whether the daemon cannot be reached, so that the outcome of a request is unknown. */
static bool is_cut_off(const struct state *state)
{
	struct domain_facts facts;
	struct error ignored;
	int result = libvirt_domain_facts(&state->connection, state->domain, &facts, &ignored);

	return result < 0 && result != -ENOENT;
}

/* A connection does not survive its daemon, but domains do. The old connection stays if a new one cannot be made. */
static void connect_anew(struct state *state)
{
	struct state fresh = {.uri = state->uri, .uuid = state->uuid};
	struct error ignored;

	if (open_domain(&fresh, &ignored) < 0)
		return;
	close_domain(state);
	state->connection = fresh.connection;
	state->domain = fresh.domain;
}

/* Retries until the domain runs: nothing may prevent a resume. A domain that is gone needs no resume. */
static int resume(struct state *state, struct error *err)
{
	int result = 0;

	for (int tries = 0; state->is_paused && tries < RETRY_MAX; tries++) {
		if (tries > 0) {
			usleep(RETRY_US);
			connect_anew(state);
		}
		result = libvirt_domain_resume(&state->connection, state->domain, err);
		if (result == -ETIMEDOUT || (result < 0 && may_be_paused(state)))
			continue;
		state->is_paused = false;
	}
	state->resume_ns = clock_now_ns();
	return result;
}

/* A domain that is paused already was paused by someone else, and stays paused. */
static int pause_domain(struct state *state, struct error *err)
{
	struct domain_facts facts;
	int result = libvirt_domain_facts(&state->connection, state->domain, &facts, err);

	if (result < 0)
		return result;
	if (!facts.is_active)
		return error_set(err, -ENOTCONN, "the domain %s has ended", facts.name);
	state->was_late = false;
	state->pause_ns = clock_now_ns();
	if (facts.is_paused)
		return 0;
	result = libvirt_domain_suspend(&state->connection, state->domain, err);
	/* A suspend that timed out may still take effect; one whose daemon died may have taken effect already. */
	state->is_paused = result == 0 || result == -ETIMEDOUT || is_cut_off(state);
	return result;
}

static int end_pause(struct state *state, struct error *err)
{
	if (state->was_late)
		return error_set(err, -ETIME, "the pause took too long: the domain was resumed");
	if (!state->is_paused)
		state->resume_ns = clock_now_ns();
	return resume(state, err);
}

/* Answers one request. Returns false when no more will come. */
static bool serve_one(struct state *state)
{
	struct error err;
	char request;

	if (recv(STDIN_FILENO, &request, sizeof(request), 0) != sizeof(request))
		return false;
	if (request == PAUSER_PAUSE)
		return reply(pause_domain(state, &err), &err, 0);
	int result = end_pause(state, &err);

	return reply(result, &err, state->resume_ns - state->pause_ns);
}

/* The time left until the deadline, for poll. */
static int left_ms(const struct state *state)
{
	uint64_t end = state->pause_ns + state->deadline_ms * NS_PER_MS;
	uint64_t now = clock_now_ns();

	if (!state->is_paused)
		return -1;
	return end > now ? (int)((end - now) / NS_PER_MS) + 1 : 0;
}

static void serve(struct state *state)
{
	struct pollfd request = {.fd = STDIN_FILENO, .events = POLLIN};
	struct error ignored;
	bool is_wanted = true;

	while (is_wanted) {
		int ready = poll(&request, 1, left_ms(state));

		if (ready > 0) {
			is_wanted = serve_one(state);
		} else if (ready == 0) {
			resume(state, &ignored);
			state->was_late = true;
		}
	}
	resume(state, &ignored);
}

int pauser_main(const char *uri, const char *uuid, const char *deadline_ms)
{
	struct state state = {
		.uri = uri, .uuid = uuid, .deadline_ms = strtoul(deadline_ms, NULL, 10)};
	struct error err;
	int result = open_domain(&state, &err);

	if (reply(result, &err, 0) && result == 0)
		serve(&state);
	if (result == 0)
		close_domain(&state);
	return result < 0;
}
