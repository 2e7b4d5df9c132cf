/* SPDX-License-Identifier: MPL-2.0 */
/* Which life of a guest repeated looks see: see life_watch.h. */
#include "inspect/life_watch.h"

#include <errno.h>

#include "base/clock.h"

/* While memory is cleared or loaded, counters may fall a moment before the boot id changes. */
#define SETTLE_NS (50 * NS_PER_MS)

static enum life_event greater(enum life_event a, enum life_event b)
{
	return a > b ? a : b;
}

int life_watch_begin(struct life_watch *watch, const struct guest *guest, struct error *err)
{
	int result = guest_life_read(guest, &watch->now, err);

	watch->event = LIFE_GOES_ON;
	if (result < 0 || !watch->has_last)
		return result;
	enum life_event event = greater(watch->unseen, life_compare(&watch->last, &watch->now));

	if (event == LIFE_WENT_BACK) {
		clock_sleep_ns(SETTLE_NS);
		result = guest_life_read(guest, &watch->now, err);
		if (result < 0)
			return result;
		/* By now it may have come further than it was. */
		event = greater(event, life_compare(&watch->last, &watch->now));
	}
	watch->event = event;
	return 0;
}

int life_watch_end(struct life_watch *watch, const struct guest *guest, struct error *err)
{
	struct guest_life end;
	int result = guest_life_read(guest, &end, err);

	if (result < 0)
		return result;
	enum life_event event = life_compare(&watch->now, &end);

	if (event != LIFE_GOES_ON) {
		watch->unseen = greater(watch->event, event);
		return error_set(err, -ESTALE,
				 "the guest %s meanwhile: what was read does not belong together",
				 life_event_text(event));
	}
	watch->last = end;
	watch->has_last = true;
	watch->unseen = LIFE_GOES_ON;
	return 0;
}

void life_watch_go_on(struct life_watch *watch)
{
	watch->now = watch->last;
	watch->event = LIFE_GOES_ON;
}
