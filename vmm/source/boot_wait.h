/* SPDX-License-Identifier: MPL-2.0 */
/* The one bounded wait for a booting guest: callers look again until they find the guest or a second has passed. */
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

/* Sleeps for `pause_ns`, until the next look. Returns false, at once, when the second has passed. */
static inline bool boot_wait_again(const struct boot_wait *wait, uint64_t pause_ns)
{
	if (clock_now_ns() >= wait->deadline_ns)
		return false;
	clock_sleep_ns(pause_ns);
	return true;
}

#endif
