/* SPDX-License-Identifier: MPL-2.0 */
/* One look at the slot of one frame: see frame_look.h. */
#include "inspect/frame_look.h"

#include <errno.h>
#include <unistd.h>

/* Holes begin and end at page borders, so a slot lies in one or not at all. */
static bool is_hole(const struct memory_region *region, paddr_t at)
{
	off_t start = (off_t)(region->fd_offset + (at.addr - region->base.addr));

	if (region->fd < 0)
		return false;

	off_t data = lseek(region->fd, start, SEEK_DATA);

	return data < 0 ? errno == ENXIO : data > start;
}

static void read_copy(const struct meta_slot *slot, const struct guest_view *view,
		      struct frame_look *look)
{
	struct read_counters counters = {0};
	uint64_t start = clock_now_ns();
	enum slot_read_result result = slot_read(slot, &look->copy, &counters);

	/* After so long the generation may have come round. */
	if (clock_now_ns() - start > SLOT_READ_TIME_MAX_NS)
		result = SLOT_READ_UNSTABLE;
	look->is_unstable = result == SLOT_READ_UNSTABLE;
	look->is_in_use = result == SLOT_READ_OK;
	look->references = slot_state_refs(look->copy.state);
	look->generation = slot_state_generation(look->copy.state);
	look->class = ref_classify(look->references);
	look->type = look->is_in_use ? guest_view_type(view, look->copy.vtable_ptr) : -1;
}

int frame_look(const struct guest_memory *memory, const struct guest_view *view, uint64_t pfn,
	       struct frame_look *look)
{
	paddr_t at = paddr(view->array.addr + pfn * SLOT_SIZE);
	int result = -EFAULT;

	*look = (struct frame_look){.type = -1};
	guest_memory_read_begin();

	const struct memory_map *map = guest_memory_map(memory);
	const struct meta_slot *slot = memory_map_at(map, at, SLOT_SIZE);

	if (slot) {
		look->is_hole = is_hole(memory_map_find(map, at), at);
		if (!look->is_hole)
			read_copy(slot, view, look);
		result = 0;
	}
	guest_memory_read_end();
	return result;
}

const char *frame_look_state(const struct frame_look *look)
{
	if (look->is_hole)
		return "never written";
	return look->is_unstable ? "unstable" : ref_class_name(look->class);
}
