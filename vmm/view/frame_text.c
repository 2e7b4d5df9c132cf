/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them: see frame_text.h. */
#include "view/frame_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/address.h>

#include "kind/kind.h"

bool frame_parse(const char *text, uint64_t *pfn)
{
	bool is_pfn = strncmp(text, "pfn:", 4) == 0;
	const char *digits = is_pfn ? text + 4 : text;
	bool is_hex = digits[0] == '0' && digits[1] == 'x';
	const char *set = is_hex ? "0123456789abcdefABCDEF" : "0123456789";
	char *end;

	if (is_hex)
		digits += 2;
	else if (!is_pfn)
		return false;
	if (*digits == '\0' || digits[strspn(digits, set)] != '\0')
		return false;
	errno = 0;
	*pfn = strtoull(digits, &end, is_hex ? 16 : 10);
	if (errno)
		return false;
	if (!is_pfn)
		*pfn /= PAGE_SIZE;
	return true;
}

int frame_exists(const struct guest *guest, uint64_t pfn, struct error *err)
{
	if (pfn < guest->frame_count)
		return 0;
	return error_set(err, -EINVAL,
			 "no such frame: the guest's memory ends at %#" PRIx64
			 ", the last frame is pfn:%" PRIu64,
			 guest->memory_end, guest->frame_count - 1);
}

bool frame_has_count(const struct guest *guest, const struct frame *frame)
{
	bool had_count = frame->state == FRAME_UNSTABLE && frame->references > 0;

	return guest->kind->has_references &&
	       (guest_state(guest, frame->state)->has_count || had_count);
}

void frame_add_json(struct json_object *object, const struct guest *guest,
		    const struct frame *frame)
{
	json_add_text(object, "state", guest_state_name(guest, frame->state));
	if (frame->state == FRAME_NEVER_WRITTEN)
		return;
	if (frame_has_count(guest, frame))
		json_add_number(object, "references", frame->references);
	if (guest->kind->has_generations)
		json_add_number(object, "generation", frame->generation);
	if (frame->type >= 0)
		json_add_text(object, "type", guest_type_name(guest, frame->type));
}
