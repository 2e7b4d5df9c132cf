/* SPDX-License-Identifier: MPL-2.0 */
/* The process that pauses a guest for an inspector: see pauser_serve.h. */
#include "source/pauser_serve.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/pauser_protocol.h"

struct state {
	const struct pauser_work *work;
	uint64_t deadline_ns;
	bool is_paused; /* `begin` was called, and not `end` since */
	bool is_held;   /* the guest has to be resumed within the deadline */
	bool is_late; /* the deadline ended the last pause; `result` and `why` are what came of it */
	int result;
	struct error why;
	uint64_t since_ns, until_ns;
};

static bool reply(int result, const struct error *err, uint64_t paused_ns)
{
	struct pauser_reply message = {.result = result, .paused_ns = paused_ns};

	if (result < 0)
		message.error = *err;
	return send(STDIN_FILENO, &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message);
}

bool pauser_say_ready(int result, const struct error *err)
{
	return reply(result, err, 0);
}

static int end(struct state *state, struct error *err)
{
	int result = state->work->end(state->work->own, err);

	state->is_paused = state->is_held = false;
	state->until_ns = clock_now_ns();
	return result;
}

static int begin(struct state *state, struct error *err)
{
	struct error ignored;

	if (state->is_paused)
		return error_set(err, -EALREADY, "the guest is paused already");
	state->is_late = false;
	state->since_ns = clock_now_ns();
	int result = state->work->begin(state->work->own, &state->is_held, err);

	state->is_paused = result == 0 || state->is_held;
	if (result < 0 && state->is_held)
		end(state, &ignored);
	return result;
}

/* The deadline has passed before the inspector was ready. */
static void end_late(struct state *state)
{
	state->result = end(state, &state->why);
	state->is_late = true;
}

static int finish(struct state *state, struct error *err)
{
	if (state->is_late && state->result == 0)
		return error_set(err, -ETIME, "the pause took too long: the guest was resumed");
	if (state->is_late)
		return error_set(err, state->result, "%s", state->why.text);
	if (!state->is_paused)
		return error_set(err, -ETIME, "the guest is not paused");
	return end(state, err);
}

static bool send_state(const struct machine_state *machine)
{
	const struct pauser_reply head = {.state_size = machine->size};

	if (send(STDIN_FILENO, &head, sizeof(head), MSG_NOSIGNAL) != sizeof(head))
		return false;
	for (size_t at = 0, size; at < machine->size; at += size) {
		size = machine->size - at;
		if (size > PAUSER_PIECE_MAX)
			size = PAUSER_PIECE_MAX;
		if (send(STDIN_FILENO, machine->bytes + at, size, MSG_NOSIGNAL) != (ssize_t)size)
			return false;
	}
	return true;
}

static bool reply_state(struct state *state)
{
	const struct pauser_work *work = state->work;
	struct machine_state machine = {0};
	struct error err;
	int result;

	if (!work->state)
		result = error_set(&err, -ENOTSUP, "the registers of the guest are not known");
	else if (!state->is_paused)
		result = error_set(&err, -ETIME, "the guest is not paused");
	else
		result = work->state(work->own, &machine, &err);
	bool is_sent = result < 0 ? reply(result, &err, 0) : send_state(&machine);

	machine_state_free(&machine);
	return is_sent;
}

/* Answers one request. Returns false when no more will come. */
static bool serve_one(struct state *state)
{
	struct error err;
	char request;

	if (recv(STDIN_FILENO, &request, sizeof(request), 0) != sizeof(request))
		return false;
	if (request == PAUSER_PAUSE)
		return reply(begin(state, &err), &err, 0);
	if (request == PAUSER_STATE)
		return reply_state(state);
	int result = finish(state, &err);

	return reply(result, &err, state->until_ns - state->since_ns);
}

/* The time left until the deadline, for poll. */
static int left_ms(const struct state *state)
{
	return state->is_held ? clock_left_ms(state->since_ns + state->deadline_ns) : -1;
}

void pauser_serve(const struct pauser_work *work, unsigned deadline_ms)
{
	struct state state = {.work = work, .deadline_ns = deadline_ms * NS_PER_MS};
	struct pollfd request = {.fd = STDIN_FILENO, .events = POLLIN};
	struct error ignored;
	bool is_wanted = true;

	while (is_wanted) {
		int ready = poll(&request, 1, left_ms(&state));

		if (ready > 0)
			is_wanted = serve_one(&state);
		else if (ready == 0)
			end_late(&state);
	}
	if (state.is_paused)
		end(&state, &ignored);
}
