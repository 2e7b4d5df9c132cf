/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The protocol between an inspector and the process that pauses a guest for it: requests of one byte, and a reply to
 * each.
 */
#ifndef VMM_SOURCE_PAUSER_PROTOCOL_H
#define VMM_SOURCE_PAUSER_PROTOCOL_H

#include <stdint.h>

#include "base/error.h"

#define PAUSER_PAUSE  'p'
#define PAUSER_RESUME 'r'

/* Also sent once when the process is ready, or cannot start. Both ends are the same program: no ABI. */
struct pauser_reply {
	int32_t result; /* 0 or a negative errno */
	uint64_t paused_ns;
	struct error error;
};

#endif
