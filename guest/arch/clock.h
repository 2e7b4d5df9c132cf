/* SPDX-License-Identifier: MPL-2.0 */
/* Time by the TSC. */
#ifndef GUEST_CLOCK_H
#define GUEST_CLOCK_H

#include <stdint.h>

/* TSC ticks in a millisecond; 0 before clock_init. */
extern uint64_t tsc_khz;

/*
 * Learns the TSC's frequency: from the option tsc_khz= if the VMM gives it, otherwise by comparing the TSC with the
 * 8254 timer for some milliseconds. CPUID is not a source: where ring 0 is emulated, it describes the host.
 */
void clock_init(void);

#endif
