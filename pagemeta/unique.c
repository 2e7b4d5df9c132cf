/* SPDX-License-Identifier: MPL-2.0 */
/* Unique frames: see unique.h. */
#include "unique.h"

enum frame_error unique_claim_as(paddr_t frame, const struct meta_type *type, const void *meta,
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
	frame_expect(frame.slot);
	frame_drop(frame.slot, slot_unique_drop(frame.slot));
}

paddr_t unique_reset(unique_frame_t frame)
{
	frame_expect(frame.slot);

	slot_clear(frame.slot, slot_unique_drop(frame.slot));
	return meta_to_frame(frame.slot);
}

frame_t unique_share(unique_frame_t frame)
{
	frame_expect(frame.slot);
	slot_share(frame.slot);
	return (frame_t){frame.slot};
}

bool unique_from_shared(frame_t frame, unique_frame_t *out)
{
	frame_expect(frame.slot);
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

/* The type of a frame; aborts if its slot does not point at one. */
static const struct meta_type *known_type(unique_frame_t frame)
{
	size_t size;

	(void)unique_meta_any(frame, &size);
	return unique_type(frame);
}

bool unique_write_any(unique_frame_t frame, size_t offset, const void *bytes, size_t size)
{
	size_t limit = known_type(frame)->size;

	if (offset > limit || size > limit - offset)
		return false;
	unique_write_bytes(frame, offset, bytes, size);
	return true;
}

void unique_replace_as(unique_frame_t frame, const struct meta_type *type, const void *meta)
{
	expect_task("a frame replaced in an interrupt handler");

	const struct meta_type *old = known_type(frame);
	uint64_t busy = slot_change_begin(frame.slot);

	if (old->on_drop)
		frame_run_on_drop(frame.slot, old);
	slot_write_meta(frame.slot, type, meta, type->size);
	slot_publish_new(frame.slot, busy, REF_UNIQUE, TRACE_REPLACE);
}
