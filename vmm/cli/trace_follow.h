/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor trace --follow`: each operation as it comes, a line for each. */
#ifndef VMM_TRACE_FOLLOW_H
#define VMM_TRACE_FOLLOW_H

#include "cli/session.h"

/*
 * Prints the newest `limit` events of a frame, or of all (HISTORY_ALL_FRAMES), then all that follow until the guest's VM
 * ends. The session has looked; its guest traces. Returns an exit status.
 */
int trace_follow(struct session *session, uint64_t pfn, unsigned limit);

#endif
