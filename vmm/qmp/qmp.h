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
 * The peer is hostile: it must be the same user's (or the caller root), a line has a longest length and a deepest
 * nesting, and however much it sends, no call takes longer than its deadline. What it says in words is made printable.
 * One thread uses a client at a time.
 */
#ifndef VMM_QEMU_QMP_H
#define VMM_QEMU_QMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define QMP_TIMEOUT_MS 5000       /* a good deadline for each call */
#define QMP_LINE_MAX   (1u << 20) /* bytes; the longest known answers have some 200 KiB */
#define QMP_DEPTH_MAX  32

struct qmp {
	int fd;              /* readable when an event came, or the end; else the client's own */
	uint32_t peer_pid;   /* who listened on the socket when it was connected to; 0: not known */
	unsigned timeout_ms; /* of each call */

	/* Called within a call for each event that comes meanwhile; NULL: they are skipped. data may be NULL. */
	void (*on_event)(void *own, const char *event, struct json_object *data);
	void *own;

	/* The client's own. */
	struct json_tokener *tokener;
	char *buffer; /* `filled` bytes, of which the first `searched` have no end of a line */
	size_t size, filled, searched;
	uint64_t last_id;
};

/*
 * Connects, waits for the greeting and leaves the negotiation of capabilities; timeout_ms is for each step of that,
 * and for each call later on. Returns 0 or a negative errno with one line of text: -ENOENT no such socket, -ECONNREFUSED nobody listens, -EACCES not permitted, -EBUSY no greeting in
 * time (QEMU serves one client at a time), -EPROTO no QMP.
 */
int qmp_connect(struct qmp *qmp, const char *path, unsigned timeout_ms, struct error *err);

/* The same on a connected socket, which is the client's from then on, even when this fails. */
int qmp_start(struct qmp *qmp, int fd, unsigned timeout_ms, struct error *err);

void qmp_close(struct qmp *qmp);

/*
 * Executes a command. `arguments` is an object or NULL, and is taken. *result, unless result is NULL, is what QEMU
 * returned, for the caller to put. Returns 0 or a negative errno with one line of text: -EREMOTEIO QEMU refused it,
 * -ETIMEDOUT no answer in time (one that comes later is skipped), -ENOTCONN QEMU has gone, -EPROTO nonsense.
 */
int qmp_execute(struct qmp *qmp, const char *command, struct json_object *arguments,
		struct json_object **result, struct error *err);

/* Executes a command of the monitor for people. *text, what it printed, is the caller's to free. */
int qmp_execute_human(struct qmp *qmp, const char *command_line, char **text, struct error *err);

/* Reads events that have come, without waiting. Returns 0, or -ENOTCONN, -EPROTO as qmp_execute. */
int qmp_take_events(struct qmp *qmp, struct error *err);

#endif
