/* SPDX-License-Identifier: MPL-2.0 */
/* A sample of the slot of one frame: see slot_look.h. */
#include "kind/guest.h"
#include "kind/pagevisor/slot_look.h"

#include <errno.h>

#include "kind/pagevisor/slot_copy_reader.h"

/* Fills `look` from look->copy. */
static void judge(enum slot_read_result result, const struct guest_view *view,
		  struct slot_look *look)
{
	look->is_unstable = result == SLOT_READ_UNSTABLE;
	look->is_in_use = result == SLOT_READ_OK;
	look->references = slot_state_refs(look->copy.state);
	look->generation = slot_state_generation(look->copy.state);
	look->class = ref_classify(look->references);
	look->type = look->is_in_use ? guest_view_type(view, look->copy.vtable_ptr) : -1;
}

static void read_slot(const struct meta_slot *slot, const struct guest_view *view,
		      struct slot_look *look)
{
	struct read_counters counters = {0};
	uint64_t start = clock_now_ns();
	enum slot_read_result result = slot_read(slot, &look->copy, &counters);

	/* After a longer time the generation may have wrapped. */
	if (clock_now_ns() - start > SLOT_READ_TIME_MAX_NS)
		result = SLOT_READ_UNSTABLE;
	judge(result, view, look);
}

static int copy_memory(void *own, paddr_t pa, void *buffer, size_t length)
{
	return guest_memory_copy(own, pa, buffer, length);
}

/* For copied memory; outside any read-side section. */
static int copy_slot(const struct guest_memory *memory, const struct guest_view *view, paddr_t at,
		     struct slot_look *look)
{
	const struct memory_copier copier = {copy_memory, (void *)memory};
	paddr_t page = paddr(align_down(at.addr, PAGE_SIZE));
	struct slot_copy_result result = {.result = SLOT_READ_UNSTABLE};
	struct read_counters counters = {0};
	uint64_t hole, data;
	int code = guest_memory_find_data(memory, page, PAGE_SIZE, &hole, &data);

	if (code < 0)
		return code;
	look->is_hole = hole > 0;
	if (look->is_hole)
		return 0;
	code = slot_copy_read(&copier, at, 1, &result, &counters);
	if (code < 0)
		return code;
	look->copy = result.copy;
	judge(result.result, view, look);
	return 0;
}

int slot_look(const struct guest_memory *memory, const struct guest_view *view, uint64_t pfn,
	      struct slot_look *look)
{
	paddr_t at = paddr(view->array.addr + pfn * SLOT_SIZE);
	bool is_copied = false;
	int result = -EFAULT;

	*look = (struct slot_look){.type = -1};
	guest_memory_read_begin();

	const struct memory_map *map = guest_memory_map(memory);
	const struct meta_slot *slot = memory_map_at(map, at, SLOT_SIZE);

	if (slot) {
		look->is_hole = memory_region_is_hole(memory_map_find(map, at), at);
		if (!look->is_hole)
			read_slot(slot, view, look);
		result = 0;
	} else {
		is_copied = memory_map_has(map, at, SLOT_SIZE);
	}
	guest_memory_read_end();
	return is_copied ? copy_slot(memory, view, at, look) : result;
}
