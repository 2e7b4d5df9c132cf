/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The protocol between an inspector and the process that pauses a guest for it: requests of one byte, and a reply to
 * each. The reply to PAUSER_STATE is followed by the bytes of the machine's state, in messages of PAUSER_PIECE_MAX at most.
 */
#ifndef VMM_SOURCE_PAUSER_PROTOCOL_H
#define VMM_SOURCE_PAUSER_PROTOCOL_H

#include <stdint.h>

#include "base/error.h"

#define PAUSER_PAUSE  'p'
#define PAUSER_RESUME 'r'
#define PAUSER_STATE  's'

#define PAUSER_PIECE_MAX 32768

/* Also sent once when the process is ready, or cannot start. Both ends are the same program: no ABI. */
struct pauser_reply {
	int32_t result; /* 0 or a negative errno */
	uint64_t paused_ns;
	uint64_t state_size; /* bytes that follow */
	struct error error;
};

#endif
