/* SPDX-License-Identifier: MPL-2.0 */
/* A client of QEMU's machine protocol: see qmp.h. */
#include "qmp/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/printable.h"

#define BUFFER_START 4096u

/* How long to wait before the next try of a listener whose backlog is full. */
#define RETRY_NS (10 * NS_PER_MS)

/* Waits for the socket. Returns 0 or a negative errno: -ETIMEDOUT at the deadline, at once if that has passed. */
static int await(const struct qmp *qmp, short events, uint64_t deadline)
{
	struct pollfd poll_fd = {.fd = qmp->fd, .events = events};

	for (;;) {
		int left_ms = clock_left_ms(deadline);
		int ready = poll(&poll_fd, 1, left_ms);

		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0 && left_ms == 0)
			return -ETIMEDOUT;
	}
}

static int gone(struct error *err)
{
	return error_set(err, -ENOTCONN, "QEMU has closed its QMP socket");
}

static int send_all(const struct qmp *qmp, const char *text, size_t length, uint64_t deadline,
		    struct error *err)
{
	while (length > 0) {
		ssize_t sent = send(qmp->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return gone(err);
		if (sent > 0) {
			text += sent;
			length -= (size_t)sent;
		} else if (await(qmp, POLLOUT, deadline) < 0) {
			return error_set(err, -ETIMEDOUT, "QEMU's QMP socket accepts no data");
		}
	}
	return 0;
}

static int grow(struct qmp *qmp, struct error *err)
{
	size_t size = qmp->size ? qmp->size * 2 : BUFFER_START;

	if (size > QMP_LINE_MAX)
		return error_set(err, -EPROTO, "QMP: a line of more than %u bytes", QMP_LINE_MAX);
	char *buffer = realloc(qmp->buffer, size);

	if (!buffer)
		return error_set(err, -ENOMEM, "no memory for a QMP answer");
	qmp->buffer = buffer;
	qmp->size = size;
	return 0;
}

/*
 * Receives what is available and appends it to the buffer. Returns 0, -ETIMEDOUT without a text, or another negative
 * errno.
 */
static int receive(struct qmp *qmp, uint64_t deadline, struct error *err)
{
	int result = qmp->filled == qmp->size ? grow(qmp, err) : 0;

	if (result < 0)
		return result;
	if (await(qmp, POLLIN, deadline) < 0)
		return -ETIMEDOUT;
	ssize_t length =
		recv(qmp->fd, qmp->buffer + qmp->filled, qmp->size - qmp->filled, MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (length <= 0)
		return gone(err);
	qmp->filled += (size_t)length;
	return 0;
}

/* Parses the first line of the buffer: one object and nothing after it. Returns NULL for anything else. */
static struct json_object *parse(struct qmp *qmp, size_t length)
{
	json_tokener_reset(qmp->tokener);
	struct json_object *message = json_tokener_parse_ex(qmp->tokener, qmp->buffer, (int)length);

	if (message && json_tokener_get_error(qmp->tokener) == json_tokener_success &&
	    json_object_is_type(message, json_type_object))
		return message;
	json_object_put(message);
	return NULL;
}

/* Reads the next message. Returns 0, -ETIMEDOUT without a text, or another negative errno. */
static int next_message(struct qmp *qmp, uint64_t deadline, struct json_object **message,
			struct error *err)
{
	char *end = NULL;

	for (;;) {
		if (qmp->filled > qmp->searched)
			end = memchr(qmp->buffer + qmp->searched, '\n',
				     qmp->filled - qmp->searched);
		if (end)
			break;
		qmp->searched = qmp->filled;
		int result = receive(qmp, deadline, err);

		if (result < 0)
			return result;
	}
	size_t length = (size_t)(end - qmp->buffer) + 1;

	*message = parse(qmp, length);
	qmp->filled -= length;
	qmp->searched = 0;
	memmove(qmp->buffer, qmp->buffer + length, qmp->filled);
	return *message ? 0 : error_set(err, -EPROTO, "QMP: a message is not a JSON object");
}

/* Handles the message if it is an event. Returns whether it is. */
static bool take_event(struct qmp *qmp, struct json_object *message)
{
	struct json_object *event, *data = NULL;

	if (!json_object_object_get_ex(message, "event", &event))
		return false;
	json_object_object_get_ex(message, "data", &data);
	if (qmp->on_event && json_object_is_type(event, json_type_string))
		qmp->on_event(qmp->own, json_object_get_string(event), data);
	return true;
}

/* Without an id, it is not certain that the error is about this command, nor that QEMU has not carried that out. */
static int refused(const char *command, bool has_id, struct json_object *error, struct error *err)
{
	const char *words = json_get_text(error, "desc");
	char text[256] = "no reason given";

	if (words)
		printable_copy(text, sizeof(text), words);
	return has_id ? error_set(err, -EREMOTEIO, "QEMU refuses %s: %s", command, text)
		      : error_set(err, -EPROTO, "QEMU cannot read %s: %s", command, text);
}

/* Whether a message answers the last command. An error has no id when QEMU could not read the id of the command. */
static bool is_answer(const struct qmp *qmp, struct json_object *message)
{
	struct json_object *id;

	if (!json_object_object_get_ex(message, "id", &id))
		return json_object_object_get_ex(message, "error", NULL);
	return json_object_is_type(id, json_type_int) && json_object_get_uint64(id) == qmp->last_id;
}

static int judge(const char *command, struct json_object *message, struct json_object **result,
		 struct error *err)
{
	struct json_object *value;

	if (json_object_object_get_ex(message, "error", &value))
		return refused(command, json_object_object_get_ex(message, "id", NULL), value, err);
	if (!json_object_object_get_ex(message, "return", &value))
		return error_set(err, -EPROTO, "QMP: an answer without a result");
	if (result)
		*result = json_object_get(value);
	return 0;
}

/* Waits for the answer to the last command. Skips late answers to earlier ones, and handles events. */
static int await_answer(struct qmp *qmp, const char *command, uint64_t deadline,
			struct json_object **result, struct error *err)
{
	struct json_object *message;

	for (;;) {
		int code = clock_now_ns() < deadline ? next_message(qmp, deadline, &message, err)
						     : -ETIMEDOUT;

		if (code == -ETIMEDOUT)
			return error_set(err, code, "QEMU does not answer %s", command);
		if (code < 0)
			return code;
		bool is_awaited = !take_event(qmp, message) && is_answer(qmp, message);

		if (is_awaited)
			code = judge(command, message, result, err);
		json_object_put(message);
		if (is_awaited)
			return code;
	}
}

int qmp_execute(struct qmp *qmp, const char *command, struct json_object *arguments,
		struct json_object **result, struct error *err)
{
	uint64_t deadline = deadline_begin_wait(qmp->timeout_ms);
	struct json_object *request = json_object_new_object();
	size_t length;

	json_object_object_add(request, "execute", json_object_new_string(command));
	json_object_object_add(request, "id", json_object_new_uint64(++qmp->last_id));
	if (arguments)
		json_object_object_add(request, "arguments", arguments);
	const char *text =
		json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &length);
	int code = send_all(qmp, text, length, deadline, err);

	json_object_put(request);
	if (code == 0)
		code = send_all(qmp, "\n", 1, deadline, err);
	if (code == 0)
		code = await_answer(qmp, command, deadline, result, err);
	deadline_end_wait(qmp->timeout_ms, code != -ETIMEDOUT);
	return code;
}

int qmp_execute_human(struct qmp *qmp, const char *command_line, char **text, struct error *err)
{
	struct json_object *arguments = json_object_new_object(), *answer;

	json_object_object_add(arguments, "command-line", json_object_new_string(command_line));
	int code = qmp_execute(qmp, "human-monitor-command", arguments, &answer, err);

	if (code < 0)
		return code;
	if (json_object_is_type(answer, json_type_string)) {
		*text = strdup(json_object_get_string(answer));
		if (!*text)
			code = error_set(err, -ENOMEM, "no memory for a QMP answer");
	} else {
		code = error_set(err, -EPROTO, "QMP: the monitor's answer is not text");
	}
	json_object_put(answer);
	return code;
}

int qmp_take_events(struct qmp *qmp, struct error *err)
{
	struct json_object *message;
	/* It waits for none of them; this is against a flood. */
	uint64_t end_ns = clock_now_ns() + qmp->timeout_ms * NS_PER_MS;

	while (clock_now_ns() < end_ns) {
		int code = next_message(qmp, 0, &message, err);

		if (code < 0)
			return code == -ETIMEDOUT ? 0 : code;
		take_event(qmp, message);
		json_object_put(message);
	}
	return 0;
}

/* The peer must belong to the same user; root accepts any peer. */
static int check_peer(struct qmp *qmp, struct error *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(qmp->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return error_set(err, -errno, "SO_PEERCRED: %s", strerror(errno));
	if (peer.uid != geteuid() && geteuid() != 0)
		return error_set(err, -EACCES, "the QMP socket belongs to another user");
	qmp->peer_pid = (uint32_t)peer.pid;
	return 0;
}

static int greet(struct qmp *qmp, struct error *err)
{
	struct json_object *message, *greeting;
	struct error why;
	int code = next_message(qmp, deadline_begin_wait(qmp->timeout_ms), &message, &why);

	deadline_end_wait(qmp->timeout_ms, code != -ETIMEDOUT);
	if (code == -ETIMEDOUT)
		return error_set(err, -EBUSY,
				 "no greeting: it serves another client, or is not a QMP socket");
	if (code < 0)
		return error_set(err, -EPROTO, "no QMP greeting: %s", why.text);
	bool is_greeting = json_object_object_get_ex(message, "QMP", &greeting) &&
			   json_object_is_type(greeting, json_type_object);

	json_object_put(message);
	if (!is_greeting)
		return error_set(err, -EPROTO, "the listener does not speak QMP");
	return qmp_execute(qmp, "qmp_capabilities", NULL, NULL, err);
}

int qmp_start(struct qmp *qmp, int fd, unsigned timeout_ms, struct error *err)
{
	*qmp = (struct qmp){.fd = fd, .timeout_ms = timeout_ms};
	qmp->tokener = json_tokener_new_ex(QMP_DEPTH_MAX);
	if (qmp->tokener)
		json_tokener_set_flags(qmp->tokener,
				       JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	int result = qmp->tokener ? check_peer(qmp, err)
				  : error_set(err, -ENOMEM, "no memory for a QMP client");

	if (result == 0)
		result = greet(qmp, err);
	if (result < 0)
		qmp_close(qmp);
	return result;
}

/* Connects a non-blocking socket. Returns 0 or a negative errno: -EBUSY when the listener's backlog stays full. */
static int connect_in_time(int fd, const struct sockaddr_un *address, unsigned timeout_ms)
{
	uint64_t end_ns = deadline_begin_wait(timeout_ms);
	int result = 0;

	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		result = errno != EAGAIN && errno != EINTR ? -errno
			 : clock_now_ns() >= end_ns        ? -EBUSY
							   : 0;
		if (result < 0)
			break;
		clock_sleep_ns(RETRY_NS);
	}
	deadline_end_wait(timeout_ms, result != -EBUSY);
	return result;
}

int qmp_connect(struct qmp *qmp, const char *path, unsigned timeout_ms, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct error why;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -EINVAL, "%.100s...: too long for a socket's path", path);
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return error_set(err, -errno, "a socket: %s", strerror(errno));
	int result = connect_in_time(fd, &address, timeout_ms);

	if (result < 0) {
		close(fd);
		return error_set(err, result, "%s: %s", path,
				 result == -EBUSY ? "too many clients are already waiting"
						  : strerror(-result));
	}
	result = qmp_start(qmp, fd, timeout_ms, &why);
	return result < 0 ? error_set(err, result, "%s: %.380s", path, why.text) : 0;
}

void qmp_close(struct qmp *qmp)
{
	close(qmp->fd);
	qmp->fd = -1;
	free(qmp->buffer);
	qmp->buffer = NULL;
	json_tokener_free(qmp->tokener);
	qmp->tokener = NULL;
}
