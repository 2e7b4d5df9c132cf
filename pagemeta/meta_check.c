/* SPDX-License-Identifier: MPL-2.0 */
/* The walker over all slots: see meta_check.h. */
#include "meta_check.h"

#include "frame.h"

/* Whether the frame is in use with a permanent type that is not a region's. */
static bool has_type_of_its_own(const struct meta_slot *slot)
{
	const struct meta_type *type = (const struct meta_type *)(uintptr_t)slot->vtable_ptr;

	if (!meta_type_is_valid(slot->vtable_ptr) || !type->is_permanent ||
	    !ref_in_use(slot_state_refs(slot->state)))
		return false;
	for (unsigned kind = 0; kind < REGION_KIND_COUNT; kind++)
		if (type == region_type((enum region_kind)kind))
			return false;
	return true;
}

static const char *check_region_slot(const struct region *region, const struct meta_slot *slot)
{
	const struct meta_type *type = region_type(region->kind);

	if ((region->kind == REGION_KERNEL || region->kind == REGION_EARLY) &&
	    has_type_of_its_own(slot))
		return NULL;
	if (slot->vtable_ptr != (uint64_t)(uintptr_t)type)
		return "the type of its region";
	if (slot_state_refs(slot->state) != 1)
		return "one reference, held for good";
	if (slot->storage[0] != region->start || slot->storage[1] != region->end)
		return "the bounds of its region";
	return NULL;
}

static const char *check_usable_slot(const struct meta_slot *slot)
{
	uint32_t refs = slot_state_refs(slot->state);

	if (refs == REF_UNUSED || refs == REF_HOST)
		return NULL;
	if (!ref_in_use(refs))
		return "unused, in use or the host's";
	if (!meta_type_is_valid(slot->vtable_ptr))
		return "a registered type";
	return NULL;
}

static const char *check_slot(const struct region *region, paddr_t frame)
{
	const struct meta_slot *slot = frame_to_meta(frame);

	if (meta_to_frame(slot).addr != frame.addr)
		return "a slot that maps back to its frame";
	return region->kind == REGION_USABLE ? check_usable_slot(slot)
					     : check_region_slot(region, slot);
}

uint64_t meta_check(const struct meta_array *array, struct meta_fault *first)
{
	uint64_t faults = 0;

	for (unsigned i = 0; i < array->partition.count; i++) {
		const struct region *region = &array->partition.regions[i];

		for (uint64_t addr = region->start; addr < region->end; addr += PAGE_SIZE) {
			const char *what = check_slot(region, paddr(addr));

			if (!what)
				continue;
			if (faults++ == 0) {
				const struct meta_slot *slot = frame_to_meta(paddr(addr));

				*first = (struct meta_fault){paddr(addr), what, slot->state,
							     slot->vtable_ptr};
			}
		}
	}
	return faults;
}
