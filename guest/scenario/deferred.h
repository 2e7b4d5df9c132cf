/* SPDX-License-Identifier: MPL-2.0 */
/* What a planted fault needs of the scenario deferred: an occasion during any workload. */
#ifndef GUEST_DEFERRED_H
#define GUEST_DEFERRED_H

#include "workload/workload.h"

/* In one read-side section, finds a frame, replaces it, which defers a put, and checks that it stays as it was. */
void deferred_replace_and_read(struct worker *worker);

#endif
