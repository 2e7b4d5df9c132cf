/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's side of the trace. The option trace=ENTRIES sets the size of each processor's ring; 0 or absent: no
 * trace.
 */
#ifndef GUEST_TRACE_H
#define GUEST_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads the option and enables the hooks. Called before other processors run. Ends the guest when the option is wrong.
 */
void trace_init(void);

/* Gives each processor its ring. Ends the guest when there is no memory for them. */
void trace_start(unsigned cpus);

/* How many of the allocator's frames the rings occupy. */
uint64_t trace_frames(void);

bool trace_is_on(void);

#endif
