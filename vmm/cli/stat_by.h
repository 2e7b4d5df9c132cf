/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat --by`: what has a guest's memory, as a table. */
#ifndef VMM_STAT_BY_H
#define VMM_STAT_BY_H

#include <stdint.h>

#include "cli/session.h"
#include "kind/breakdown.h"

struct stat_by_options {
	enum breakdown_by by;
	uint64_t limit;
};

/* Looks, and prints the table. Returns the exit status. */
int stat_by(struct session *session, const struct stat_by_options *options);

#endif
