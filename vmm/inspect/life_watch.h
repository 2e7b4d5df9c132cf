/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which life of a guest repeated looks see. A look begins with life_watch_begin and ends with life_watch_end: all that it
 * read in between is of one boot, and `event` says whether that is the one of the look before.
 */
#ifndef VMM_LIFE_WATCH_H
#define VMM_LIFE_WATCH_H

#include <stdbool.h>

#include "base/error.h"
#include "kind/life.h"

/* Starts as zeroes. */
struct life_watch {
	bool has_last;
	struct guest_life last; /* as of the end of the last look that was whole */
	struct guest_life now;  /* as of the beginning of this one */
	enum life_event event;  /* between the two */
	enum life_event unseen; /* what made the looks since then fail */
};

/*
 * Begins a look at a guest that has just been refreshed. Returns 0, or as guest_life_read. If the guest seems to have gone
 * back, it waits a moment and looks again: the parts of its memory do not change all at once.
 */
int life_watch_begin(struct life_watch *watch, const struct guest *guest, struct error *err);

/*
 * Ends the look. Returns 0; or, with a text, -ESTALE if the guest restarted meanwhile or an earlier state was loaded, so
 * that the look does not count; or as guest_life_read. After an error `last` is what it was.
 */
int life_watch_end(struct life_watch *watch, const struct guest *guest, struct error *err);

/* After a whole look: the next one begins where it ended, without another life_watch_begin. */
void life_watch_go_on(struct life_watch *watch);

#endif
