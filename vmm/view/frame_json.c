/* SPDX-License-Identifier: MPL-2.0 */
/* A page frame as JSON: see frame_json.h. */
#include "view/frame_json.h"

#include "kind/fields/type_format.h"
#include "kind/kind.h"
#include "view/frame_text.h"
#include "view/kind_json.h"

void frame_add_json(json *object, const struct guest *guest, const struct frame *frame)
{
	bool counts = guest_frame_is_in_use(guest, frame) || frame_has_count(guest, frame);

	json_add_text(object, "state", guest_state_name(guest, frame->state));
	if (frame->state == FRAME_NEVER_WRITTEN)
		return;
	if (frame->type >= 0)
		json_add_text(object, "type", guest_type_name(guest, frame->type));
	if (guest->kind->has_references)
		json_add_number(object, "references", counts ? frame->references : 0);
	if (guest->kind->has_generations)
		json_add_number(object, "generation", frame->generation);
}

json *frame_json(const struct guest *guest, uint64_t pfn, const struct frame *frame)
{
	json *object = json_object_new_object();

	json_add_frame(object, pfn);
	frame_add_json(object, guest, frame);
	return object;
}

void type_word_add_json(json *object, const struct guest *guest, int type, const void *record)
{
	uint64_t word;

	if (type != FRAME_TYPE_NONE && kind_type_word(guest->kind, record, &word))
		kind_add(object, guest->kind, guest->kind->type_word, json_hex(word));
}

void record_add_json(json *object, const struct guest *guest, const struct type_catalog *catalog,
		     int type, const void *record)
{
	json_add(object, "metadata", type_format_json(catalog, type, record));
	type_word_add_json(object, guest, type, record);
}
