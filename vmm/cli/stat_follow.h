/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat --follow`: a line for each look at a guest's metadata, until the guest ends. */
#ifndef VMM_STAT_FOLLOW_H
#define VMM_STAT_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/session.h"

struct stat_follow_options {
	uint64_t interval_ns; /* from one look to the next */
	uint64_t count;       /* of lines; 0: without end */
	bool incremental;     /* read only what the guest's dirty log has */
};

/* Returns the exit status, after a line on standard error where it is not STATUS_OK. */
int stat_follow(struct session *session, const struct stat_follow_options *options);

#endif
