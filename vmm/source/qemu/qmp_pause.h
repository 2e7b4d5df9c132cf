/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pauses a QEMU guest for a bounded time.
 *
 * QMP has no pause that ends by itself. So before the vCPUs are stopped, a child process is forked: the guardian, which
 * also holds the QMP socket. It resumes the guest when the time is up, or when the process that paused it is gone, even
 * by SIGKILL. Only killing both, or QEMU's monitor, keeps the guest paused.
 */
#ifndef VMM_QEMU_QMP_PAUSE_H
#define VMM_QEMU_QMP_PAUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "qmp/qmp.h"

#define QMP_PAUSE_MAX_MS 10000

struct qmp_pause {
	bool is_ours; /* the guest was running; else it stays paused */
	uint64_t since_ns;
	pid_t guardian;
	int guardian_fd;
};

/* Stops the vCPUs, unless they are stopped already. Returns 0 or a negative errno with a text. */
int qmp_pause_begin(struct qmp_pause *pause, struct qmp *qmp, unsigned max_ms, struct error *err);

/*
 * Resumes the vCPUs, if this pause stopped them; *paused_ns is how long it kept them stopped. Returns 0 or a negative
 * errno with a text: -ETIMEDOUT the pause had ended by itself.
 */
int qmp_pause_end(struct qmp_pause *pause, struct qmp *qmp, uint64_t *paused_ns, struct error *err);

#endif
