/* SPDX-License-Identifier: MPL-2.0 */
/* What an inspector and the process that pauses a domain for it say to each other: one byte, and a reply to each. */
#ifndef VMM_LIBVIRT_PAUSER_PROTOCOL_H
#define VMM_LIBVIRT_PAUSER_PROTOCOL_H

#include <stdint.h>

#define PAUSER_PAUSE  'p'
#define PAUSER_RESUME 'r'

/* Also sent once when the process is ready, or cannot be. Between two processes of one program: no ABI. */
struct pauser_reply {
	int32_t result; /* 0 or a negative errno */
	char text[212]; /* of an error */
	uint64_t paused_ns;
};

#endif
