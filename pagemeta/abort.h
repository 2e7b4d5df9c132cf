/* SPDX-License-Identifier: MPL-2.0 */
/* What the library does when its own invariants are broken: say which frame and stop. */
#ifndef PAGEMETA_ABORT_H
#define PAGEMETA_ABORT_H

#include <pagevisor/slot.h>

/*
 * Stops the kernel (guest) or the process (host) because of a slot whose state no correct program
 * reaches: a put too many, a count about to overflow, a scribbled slot. `state` is the state word
 * that gave it away.
 */
__attribute__((noreturn)) void slot_abort(const struct meta_slot *slot, const char *what,
					  uint64_t state);

#endif
