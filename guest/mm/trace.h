/* SPDX-License-Identifier: MPL-2.0 */
/* The kernel's side of the trace: the option trace=ENTRIES, of each processor's ring; 0 or none: no trace. */
#ifndef GUEST_TRACE_H
#define GUEST_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the option, and turns the hooks on. Before other processors run. Ends the guest when the option is wrong. */
void trace_init(void);

/* Gives each processor its ring. Ends the guest when there is no memory for them. */
void trace_start(unsigned cpus);

/* How many frames the rings have of the allocator's. */
uint64_t trace_frames(void);

bool trace_is_on(void);

#endif
