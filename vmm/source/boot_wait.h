/* SPDX-License-Identifier: MPL-2.0 */
/* The one bounded wait for a guest that boots: whoever looks for it looks again until it is there, or a second is over. */
#ifndef VMM_BOOT_WAIT_H
#define VMM_BOOT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define BOOT_WAIT_NS NS_PER_S

struct boot_wait {
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
};

static inline struct boot_wait boot_wait_begin(void)
{
	return (struct boot_wait){clock_now_ns() + BOOT_WAIT_NS};
}

/* Sleeps until the next look, `pause_ns` from now. False, at once: the time is over. */
static inline bool boot_wait_again(const struct boot_wait *wait, uint64_t pause_ns)
{
	if (clock_now_ns() >= wait->deadline_ns)
		return false;
	clock_sleep_ns(pause_ns);
	return true;
}

#endif
