/* SPDX-License-Identifier: MPL-2.0 */
/* Reclaimable memory becomes usable: see reclaim.h. */
#include "reclaim.h"

#include "debug.h"
#include "frame_alloc.h"

const char *reclaim_error_text(enum reclaim_error error)
{
	static const char *const texts[] = {
		[RECLAIM_OK] = "no error",
		[RECLAIM_WRONG_KIND] = "memory of this kind does not become usable",
		[RECLAIM_NO_ALLOCATOR] = "there is no frame allocator yet",
		[RECLAIM_NOT_TAKEN] = "the frame allocator does not take the region",
		[RECLAIM_IN_USE] = "a frame of the region is in use",
	};

	return texts[error];
}

/* Gives the frames [start, end), which are UNIQUE, back their one reference. */
static void share_again(uint64_t start, uint64_t end)
{
	for (uint64_t addr = start; addr < end; addr += PAGE_SIZE)
		slot_share(frame_to_meta(paddr(addr)));
}

/*
 * Makes all frames of a region UNIQUE: from then on nobody else can get a reference. False if a frame has another
 * reference or another type; nothing has changed then. A frame that is UNIQUE keeps its type.
 */
static bool own_frames(const struct region *region)
{
	const uint64_t type = (uint64_t)(uintptr_t)region_type(region->kind);

	for (uint64_t addr = region->start; addr < region->end; addr += PAGE_SIZE) {
		struct meta_slot *slot = frame_to_meta(paddr(addr));
		bool is_owned = slot_unshare(slot);

		if (is_owned && slot_word_load(&slot->vtable_ptr) == type)
			continue;
		share_again(region->start, is_owned ? addr + PAGE_SIZE : addr);
		return false;
	}
	return true;
}

/* Ends the life of frames that are UNIQUE, as the drop of a frame that no allocator knows does. */
static void free_frames(const struct region *region)
{
	for (uint64_t addr = region->start; addr < region->end; addr += PAGE_SIZE) {
		struct meta_slot *slot = frame_to_meta(paddr(addr));

		slot_clear(slot, slot_unique_drop(slot));
	}
}

/* Once the frames are UNUSED there is no way back: so the allocator is asked before. */
static enum reclaim_error reclaim_region(const struct region *region)
{
	paddr_t start = paddr(region->start);
	paddr_t end = paddr(region->end);

	if (frame_alloc_may_add(start, end) != FRAME_ADD_OK)
		return RECLAIM_NOT_TAKEN;
	if (!own_frames(region))
		return RECLAIM_IN_USE;
	free_frames(region);
	if (frame_alloc_add(start, end) != FRAME_ADD_OK)
		platform_abort("a reclaimed region was claimed or added by others", start,
			       end.addr);
	return RECLAIM_OK;
}

/* Merges neighbours that are usable. */
static void merge_usable(struct region_list *partition)
{
	unsigned count = 0;

	for (unsigned i = 0; i < partition->count; i++) {
		const struct region part = partition->regions[i];
		struct region *last = count ? &partition->regions[count - 1] : NULL;

		if (last && last->kind == REGION_USABLE && part.kind == REGION_USABLE)
			last->end = part.end;
		else
			partition->regions[count++] = part;
	}
	partition->count = count;
}

enum reclaim_error memory_reclaim(struct meta_array *array, enum region_kind kind, uint64_t *frames)
{
	enum reclaim_error result = RECLAIM_OK;

	expect_task("memory reclaimed in an interrupt handler");
	*frames = 0;
	if (kind != REGION_RECLAIMABLE && kind != REGION_ACPI_RECLAIMABLE)
		return RECLAIM_WRONG_KIND;
	if (!frame_alloc_started)
		return RECLAIM_NO_ALLOCATOR;
	for (unsigned i = 0; i < array->partition.count; i++) {
		struct region *region = &array->partition.regions[i];
		enum reclaim_error error;

		if (region->kind != kind)
			continue;
		error = reclaim_region(region);
		if (error == RECLAIM_OK) {
			region->kind = REGION_USABLE;
			*frames += (region->end - region->start) / PAGE_SIZE;
		} else if (result == RECLAIM_OK) {
			result = error;
		}
	}
	merge_usable(&array->partition);
	return result;
}
