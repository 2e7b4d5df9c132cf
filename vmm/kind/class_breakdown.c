/* SPDX-License-Identifier: MPL-2.0 */
/* Frames by class: see class_breakdown.h. */
#include "kind/class_breakdown.h"

#include <errno.h>

#include "kind/guest.h"
#include "kind/kind.h"

static const struct breakdown_column columns[] = {{"bytes", "MiB", BREAKDOWN_BYTES}};

static int add(struct breakdown *to, const char *name, uint64_t frames, struct error *err)
{
	struct breakdown_row *row = frames ? breakdown_add(to, err) : NULL;

	if (frames == 0)
		return 0;
	if (!row)
		return -E2BIG;
	row->figures[0] = frames * PAGE_SIZE;
	row->key = to->row_count; /* equal ones stay in order */
	return name ? breakdown_name(to, row, name, err) : 0;
}

/* Types are of frames in use; of the others the state is all there is. */
static int add_all(const struct guest *guest, const struct frame_tally *tally, struct breakdown *to,
		   struct error *err)
{
	uint64_t untyped = 0;
	int result = 0;

	for (unsigned i = 0; result == 0 && i < guest->kind->state_count; i++)
		if (guest_state(guest, i)->is_in_use)
			untyped += tally->states[i];
		else
			result = add(to, guest_state_name(guest, i), tally->states[i], err);
	for (unsigned i = 0; result == 0 && i < guest->type_count; i++) {
		untyped -= tally->types[i] < untyped ? tally->types[i] : untyped;
		result = add(to, guest->types[i].name, tally->types[i], err);
	}
	return result == 0 ? add(to, NULL, untyped, err) : result;
}

int class_breakdown(const struct guest *guest, uint64_t limit, struct breakdown *breakdown,
		    struct error *err)
{
	struct frame_tally tally;
	struct findings ignored = {0};

	error_set(err, 0, "the array went away during the look");
	breakdown->columns = columns;
	breakdown->column_count = 1;
	breakdown->matched_by = "name";
	breakdown->has_lasting_names = true;
	int result = guest_tally(guest, &tally, &ignored);

	if (result == 0)
		result = add_all(guest, &tally, breakdown, err);
	if (result == 0)
		breakdown_finish(breakdown, limit);
	return result;
}
