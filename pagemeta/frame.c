/* SPDX-License-Identifier: MPL-2.0 */
/* Frames with metadata: claim by address, get by address. See frame.h. */
#include "frame.h"

uint64_t meta_max_paddr;

_Noreturn void slot_abort(const struct meta_slot *slot, const char *what, uint64_t state)
{
	platform_abort(what, meta_to_frame(slot), state);
}

enum frame_error frame_claim_error(const struct meta_slot *slot, enum ref_class found)
{
	switch (found) {
	case REF_CLASS_BUSY:
		return FRAME_BUSY;
	case REF_CLASS_UNIQUE:
		return FRAME_UNIQUE;
	case REF_CLASS_HOST:
		return FRAME_HOST;
	case REF_CLASS_SHARED:
		return FRAME_IN_USE;
	default:
		slot_abort(slot, "claim found an illegal state", slot_load(slot));
	}
}

enum frame_error frame_claim_as(paddr_t frame, const struct meta_type *type, const void *meta,
				uint32_t refs, frame_t *out)
{
	enum frame_error error = frame_check_address(frame);

	if (error != FRAME_OK)
		return error;

	struct meta_slot *slot = frame_to_meta(frame);

	enum ref_class found = slot_claim(slot, type, meta, type->size, refs);

	if (found != REF_CLASS_UNUSED)
		return frame_claim_error(slot, found);
	out->slot = slot;
	return FRAME_OK;
}

enum frame_error frame_from_in_use(paddr_t frame, frame_t *out)
{
	enum frame_error error = frame_check_address(frame);

	if (error != FRAME_OK)
		return error;

	struct meta_slot *slot = frame_to_meta(frame);

	switch (slot_try_get(slot)) {
	case REF_CLASS_SHARED:
		out->slot = slot;
		return FRAME_OK;
	case REF_CLASS_UNUSED:
		return FRAME_UNUSED;
	case REF_CLASS_BUSY:
		return FRAME_BUSY;
	case REF_CLASS_UNIQUE:
		return FRAME_UNIQUE;
	default:
		return FRAME_HOST;
	}
}
