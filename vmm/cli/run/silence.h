/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For how long a guest has shown no sign of life. Only time in which somebody looked counts: while the VMM itself is
 * stopped, the guest can do nothing.
 */
#ifndef VMM_SILENCE_H
#define VMM_SILENCE_H

#include <stdint.h>

/* Starts as zeroes. */
struct silence {
	uint64_t sign;      /* any number that changes when the guest does something */
	uint64_t looked_ns; /* the last look, 0: none yet */
	uint64_t silent_ns;
};

/* Notes what a look at `now_ns` saw. */
void silence_note(struct silence *silence, uint64_t sign, uint64_t now_ns);

#endif
