/* SPDX-License-Identifier: MPL-2.0 */
/* A guest's memory by what has it: by class for every kind, else as its kind does. */
#include "kind/breakdown.h"

#include <errno.h>

#include "kind/class_breakdown.h"
#include "kind/guest.h"
#include "kind/kind.h"

int guest_has_breakdown(const struct guest *guest, enum breakdown_by by, struct error *err)
{
	if (by == BREAKDOWN_CLASS || guest->kind->breakdown)
		return 0;
	return error_set(err, -EINVAL,
			 "guests of the kind %s have no memory by %s: that is for Linux's; all "
			 "have --by class",
			 guest->kind->name, breakdown_names[by]);
}

int guest_breakdown(const struct guest *guest, enum breakdown_by by, uint64_t limit,
		    struct breakdown *breakdown, struct error *err)
{
	int result = guest_has_breakdown(guest, by, err);

	*breakdown = (struct breakdown){.budget = guest->memory ? guest->memory->budget : NULL};
	if (result < 0)
		return result;
	if (by == BREAKDOWN_CLASS)
		return class_breakdown(guest, limit, breakdown, err);
	return guest->kind->breakdown(guest, by, limit, breakdown, err);
}
