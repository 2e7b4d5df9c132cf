/* SPDX-License-Identifier: MPL-2.0 */
/* What commands with --by share: its value, and the look. */
#ifndef VMM_BREAKDOWN_LOOK_H
#define VMM_BREAKDOWN_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/session.h"
#include "kind/breakdown.h"

#define BREAKDOWN_LIMIT 20 /* rows, unless --limit says otherwise */

/* Parses what --by takes. */
bool breakdown_by_parse(const char *text, enum breakdown_by *by);

/*
 * Finds the guest, and adds up its memory, as of one life of it. Returns STATUS_OK or, after one line on standard error, another
 * exit status. Call breakdown_free in each case.
 */
int breakdown_look(struct session *session, enum breakdown_by by, uint64_t limit,
		   struct breakdown *breakdown);

#endif
