/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A client of QEMU's machine protocol (QMP) on a UNIX socket: one command at a time, answered within a deadline.
 *
 *     struct qmp qmp;
 *     struct json_object *status;
 *
 *     if (qmp_connect(&qmp, "/run/vm.qmp", QMP_TIMEOUT_MS, &err) == 0) {
 *             if (qmp_execute(&qmp, "query-status", NULL, &status, &err) == 0) {
 *                     ... json_object_object_get(status, "running") ...
 *                     json_object_put(status);
 *             }
 *             qmp_close(&qmp);
 *     }
 *
 * The peer is hostile. It must belong to the same user, unless the caller is root. The length and the nesting of a line
 * are limited. However much the peer sends, no call takes longer than its deadline. Its texts are made printable. Only
 * one thread may use a client at a time.
 */
#ifndef VMM_QEMU_QMP_H
#define VMM_QEMU_QMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define QMP_TIMEOUT_MS 5000 /* a good timeout for each call */

#define QMP_LINE_MAX  (1u << 20) /* bytes; the longest known answers take about 200 KiB */
#define QMP_DEPTH_MAX 32

struct qmp {
	int fd; /* readable when an event or the end of the connection has arrived; otherwise private */
	uint32_t peer_pid;   /* process that listened on the socket at connect time; 0: unknown */
	unsigned timeout_ms; /* for each call; may be SHARED_TIMEOUT_MS (base/deadline.h) */

	/* Called during a call for each event that arrives meanwhile. NULL: events are skipped. data may be NULL. */
	void (*on_event)(void *own, const char *event, struct json_object *data);
	void *own;

	/* Private to qmp.c. */
	struct json_tokener *tokener;
	char *buffer; /* `filled` bytes; the first `searched` contain no newline */
	size_t size, filled, searched;
	uint64_t last_id;
};

/*
 * Connects, waits for the greeting and completes the negotiation of capabilities. timeout_ms applies to each of these
 * steps, and later to each call. Returns 0 or a negative errno with one line of text: -ENOENT no such socket,
 * -ECONNREFUSED no listener, -EACCES not permitted, -EBUSY no greeting in time (QEMU serves one client at a time),
 * -EPROTO not QMP.
 */
int qmp_connect(struct qmp *qmp, const char *path, unsigned timeout_ms, struct error *err);

/* The same on a connected socket. The client owns the socket from then on, even on failure. */
int qmp_start(struct qmp *qmp, int fd, unsigned timeout_ms, struct error *err);

void qmp_close(struct qmp *qmp);

/*
 * Executes a command. `arguments` is an object, which the call consumes, or NULL. *result, unless result is NULL, is
 * set to the value that QEMU returned; the caller puts it. Returns 0 or a negative errno with one line of text:
 * -EREMOTEIO QEMU refused the command, -ETIMEDOUT no answer in time (a late one is skipped), -ENOTCONN QEMU is gone,
 * -EPROTO the answer is malformed.
 */
int qmp_execute(struct qmp *qmp, const char *command, struct json_object *arguments,
		struct json_object **result, struct error *err);

/* Executes a command of the human monitor. *text is its output, which the caller frees. */
int qmp_execute_human(struct qmp *qmp, const char *command_line, char **text, struct error *err);

/* Handles the events that have arrived, without waiting. Returns 0, or -ENOTCONN or -EPROTO as qmp_execute does. */
int qmp_take_events(struct qmp *qmp, struct error *err);

#endif
