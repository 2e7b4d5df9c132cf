/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pauses a QEMU guest, and resumes it only if it is still in that pause: no one else resumed it meanwhile, and QEMU's
 * run state is `paused`, or `prelaunch` after a reset in the pause. In any other state it stays: QEMU has migrated it
 * (postmigrate; resumed, it would run beside its copy), or has stopped it for a reason of its own.
 *
 * Two things QEMU does not tell. A `stop` by someone else while the guest is paused changes nothing and makes no event, so
 * it is undone with the pause. And between the last look at the state and `cont` lies a moment in which it may change.
 */
#ifndef VMM_QEMU_QMP_PAUSE_H
#define VMM_QEMU_QMP_PAUSE_H

#include <stdbool.h>

#include "base/error.h"
#include "qmp/qmp.h"

struct qmp_pause {
	struct qmp *qmp;
	bool is_ours; /* this pause stopped the vCPUs, or may have done so */
	bool was_asked; /* this pause asked for the resume: it may have taken effect without an answer */
	bool was_resumed; /* since they stood still */
	bool was_reset;
};

/*
 * Stops the vCPUs, unless they are stopped already. Takes over the client's events until the pause ends. Returns 0 or a
 * negative errno with a text: -EBUSY QEMU migrates the guest, or fills its memory. If is_ours is set after a failure, the
 * vCPUs may be stopped all the same, and the pause has to be ended.
 */
int qmp_pause_begin(struct qmp_pause *pause, struct qmp *qmp, struct error *err);

/*
 * Resumes the vCPUs if this pause stopped them and they are still in it. Returns 0 or a negative errno with a text: -EBUSY
 * the guest did not stand still until now, or it stays stopped; -ENOTCONN and -EPROTO the connection is of no more use, and
 * the call may be repeated when the client has another.
 */
int qmp_pause_end(struct qmp_pause *pause, struct error *err);

#endif
