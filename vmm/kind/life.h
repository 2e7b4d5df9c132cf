/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where a guest is in its life: in which boot, and how far it has come in it.
 *
 * A guest that is looked at more than once, or for longer than a moment, may restart meanwhile (a reset, a reboot), or an
 * earlier state of it may be loaded (QEMU's loadvm). Then what it counts begins anew, and what was read before and after
 * does not belong together. A state that lies further on in the same boot cannot be told from a guest that ran.
 */
#ifndef VMM_KIND_LIFE_H
#define VMM_KIND_LIFE_H

#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"

struct guest_life {
	uint64_t boot_id;  /* 0: the kind has none */
	uint64_t position; /* never falls within a boot; 0: the kind has none */
};

/* The greater, the more has changed. */
enum life_event {
	LIFE_GOES_ON,
	LIFE_WENT_BACK, /* the same boot at an earlier moment: a saved state was loaded */
	LIFE_RESTARTED, /* this is another boot */
};

/*
 * Reads it as of now, although `guest` may be older. Returns 0; -EAGAIN the guest does not describe itself: it is
 * booting; or another negative errno as guest_refresh, each with a text. A kind that cannot say leaves what the last
 * refresh found.
 */
int guest_life_read(const struct guest *guest, struct guest_life *life, struct error *err);

enum life_event life_compare(const struct guest_life *before, const struct guest_life *now);

/* Follows "the guest": "has restarted". Empty for LIFE_GOES_ON. */
const char *life_event_text(enum life_event event);

/* In JSON: "restarted", "went_back". */
const char *life_event_key(enum life_event event);

#endif
