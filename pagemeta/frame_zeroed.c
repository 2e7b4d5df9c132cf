/* SPDX-License-Identifier: MPL-2.0 */
/* Frames with zeroed bytes, from whatever allocator there is: see frame_alloc.h. */
#include "frame_alloc.h"

void frame_alloc_zero(pfn_t first, uint64_t count)
{
	__builtin_memset(platform_phys_to_virt(pfn_to_paddr(first)), 0, count * PAGE_SIZE);
}

/*
 * As frame_alloc_claim. The zeroes are written between A of the claim and C of the publish (slot.h). After A, the last
 * owner no longer touches the bytes. C makes the zeroes visible to whoever sees the frame in use.
 */
frame_t frame_alloc_claim_zeroed(const struct meta_type *type, const void *meta, size_t size,
				 uint32_t refs)
{
	expect_task("an allocation in an interrupt handler");

	struct meta_slot *slot;

	while ((slot = frame_alloc_next())) {
		uint64_t busy;
		enum ref_class found = slot_claim_begin(slot, &busy);

		if (found != REF_CLASS_UNUSED) {
			frame_alloc_next_failed(slot, found);
			continue;
		}
		slot_write_meta(slot, type, meta, size);
		frame_alloc_zero(meta_to_pfn(slot), 1);
		slot_publish_new(slot, busy, refs, TRACE_CLAIM);
		return (frame_t){slot};
	}
	return FRAME_NONE;
}
