/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest is in its life: see life.h. */
#include "kind/life.h"

#include "kind/kind.h"

int guest_life_read(const struct guest *guest, struct guest_life *life, struct error *err)
{
	*life = (struct guest_life){.boot_id = guest->boot_id};
	return guest->kind->life ? guest->kind->life(guest, life, err) : 0;
}

enum life_event life_compare(const struct guest_life *before, const struct guest_life *now)
{
	if (before->boot_id != now->boot_id)
		return LIFE_RESTARTED;
	return now->position < before->position ? LIFE_WENT_BACK : LIFE_GOES_ON;
}

const char *life_event_text(enum life_event event)
{
	static const char *const texts[] = {
		[LIFE_GOES_ON] = "",
		[LIFE_RESTARTED] = "has restarted",
		[LIFE_WENT_BACK] = "is back in an earlier state",
	};

	return texts[event];
}

const char *life_event_key(enum life_event event)
{
	static const char *const keys[] = {
		[LIFE_GOES_ON] = "goes_on",
		[LIFE_RESTARTED] = "restarted",
		[LIFE_WENT_BACK] = "went_back",
	};

	return keys[event];
}
