/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Takes over a guest that was saved while another keeper held frames of it. Their bytes are gone, and no ledger here knows
 * them, so all go back to the guest; a keeper may claim them anew.
 */
#ifndef VMM_ADOPT_H
#define VMM_ADOPT_H

#include "base/error.h"
#include "kind/guest.h"
#include "memory/guest_memory.h"

/*
 * Before the guest's first instruction here, and before a keeper follows it. Releases HOST slots of managed frames alone: the
 * guest may have written HOST wherever it likes. A guest without claims, or that boots or has ended, stays as it is. Returns
 * how many frames were released.
 */
uint64_t adopt_guest(const struct guest_memory *memory, const struct guest *guest);

#endif
