/* SPDX-License-Identifier: MPL-2.0 */
/* Unique frames: see unique.h. */
#include "unique.h"

enum frame_error unique_claim(paddr_t frame, const struct meta_type *type, const void *meta,
			      unique_frame_t *out)
{
	frame_t claimed;
	enum frame_error error = frame_claim_as(frame, type, meta, REF_UNIQUE, &claimed);

	if (error == FRAME_OK)
		out->slot = claimed.slot;
	return error;
}

void unique_drop(unique_frame_t frame)
{
	frame_drop(frame.slot, slot_unique_drop(frame.slot));
}

frame_t unique_share(unique_frame_t frame)
{
	slot_share(frame.slot);
	return (frame_t){frame.slot};
}

bool unique_from_shared(frame_t frame, unique_frame_t *out)
{
	if (!slot_unshare(frame.slot))
		return false;
	out->slot = frame.slot;
	return true;
}

paddr_t unique_into_raw(unique_frame_t frame)
{
	return unique_paddr(frame);
}

unique_frame_t unique_from_raw(paddr_t raw)
{
	if (frame_check_address(raw) != FRAME_OK)
		platform_abort("a raw unique frame whose address has no slot", raw, 0);

	struct meta_slot *slot = frame_to_meta(raw);

	slot_expect_unique(slot, "a raw unique frame that is not unique");
	return (unique_frame_t){slot};
}

void unique_replace(unique_frame_t frame, const struct meta_type *type, const void *meta)
{
	uint64_t vtable = slot_word_load(&frame.slot->vtable_ptr);
	const struct meta_type *old = (const struct meta_type *)(uintptr_t)vtable;

	if (__builtin_expect(!meta_type_is_valid(vtable), 0))
		slot_abort(frame.slot, "replacement of a wild vtable pointer",
			   slot_load(frame.slot));
	uint64_t busy = slot_change_begin(frame.slot);

	if (old->on_drop)
		frame_run_on_drop(frame.slot, old);
	slot_write_meta(frame.slot, type, meta, type->size);
	slot_publish_new(frame.slot, busy, REF_UNIQUE, TRACE_REPLACE);
}
