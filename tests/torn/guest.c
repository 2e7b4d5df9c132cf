/* SPDX-License-Identifier: MPL-2.0 */
/* A guest that runs the workload torn: see guest.h. */
#include "torn/guest.h"

#include <errno.h>
#include <string.h>

static int type_named(const struct guest_view *view, const char *name)
{
	for (unsigned i = 0; i < view->type_count; i++)
		if (strcmp(view->types[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int find_types(struct torn_guest *guest, struct error *err)
{
	static const char *const names[SET_TYPES] = {"torn_shared", "torn_dropped", "torn_unique"};

	for (unsigned i = 0; i < SET_TYPES; i++) {
		int type = type_named(&guest->own.view, names[i]);

		if (type < 0)
			return error_set(err, -EPROTO, "the guest has no type %s", names[i]);
		guest->types.vtables[i] = guest->own.view.types_va +
					  (unsigned)type * sizeof(struct type_descriptor);
	}
	return 0;
}

int torn_guest_look(struct torn_guest *guest, const struct guest_memory *memory, paddr_t info,
		    struct error *err)
{
	struct guest_view view;
	int result = guest_view_read(memory, info, &view, err);

	if (result < 0)
		return result;
	if (view.stage < STAGE_RUNNING)
		return -EAGAIN;
	if (view.stage > STAGE_RUNNING)
		return error_set(err, -EPROTO, "the guest's workload has ended");
	pagevisor_guest_set(&guest->own, memory, info, &view);
	guest_memory_read_begin();
	guest->is_mapped =
		memory_map_at(guest_memory_map(memory), guest->own.view.array, SLOT_SIZE);
	guest_memory_read_end();
	return find_types(guest, err);
}
