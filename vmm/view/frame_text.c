/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them: see frame_text.h. */
#include "view/frame_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/address.h>

#include "base/number_text.h"
#include "kind/kind.h"

/* "4M": without a unit it might as well be a number of anything. */
static bool size_is_address(const char *text, uint64_t *pfn)
{
	size_t length = strlen(text);
	uint64_t bytes;

	if (length == 0 || !isalpha((unsigned char)text[length - 1]) ||
	    !size_parse(text, 0, UINT64_MAX, &bytes))
		return false;
	*pfn = bytes / PAGE_SIZE;
	return true;
}

static bool frame_parse(const char *text, uint64_t *pfn)
{
	bool is_pfn = strncmp(text, "pfn:", 4) == 0;
	const char *digits = is_pfn ? text + 4 : text;
	bool is_hex = digits[0] == '0' && digits[1] == 'x';
	const char *set = is_hex ? "0123456789abcdefABCDEF" : "0123456789";
	char *end;

	if (is_hex)
		digits += 2;
	else if (!is_pfn)
		return size_is_address(text, pfn);
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

/* The lowest virtual address of the upper half, which belongs to the kernel; physical ones have at most 52 bits. */
#define UPPER_HALF UINT64_C(0xffff800000000000)

bool frame_name_parse(const char *text, struct frame_name *name)
{
	bool is_marked = strncmp(text, "va:", 3) == 0;
	const char *address = is_marked ? text + 3 : text;
	uint64_t pfn;

	if (!frame_parse(address, &pfn) || (is_marked && strncmp(address, "0x", 2) != 0))
		return false;
	*name = (struct frame_name){.number = pfn};
	if (strncmp(address, "0x", 2) != 0)
		return true;
	uint64_t value = strtoull(address, NULL, 16);

	name->is_virtual = is_marked || value >= UPPER_HALF;
	if (name->is_virtual)
		name->number = value;
	return true;
}

int frame_name_find(const struct frame_name *name, const struct guest *guest, bool has_tables,
		    uint64_t *pfn, struct error *err)
{
	paddr_t pa;
	int result;

	*pfn = name->number;
	if (!name->is_virtual)
		return frame_exists(guest, *pfn, err);
	result = guest_translate(guest, name->number, has_tables, &pa, err);
	*pfn = paddr_to_pfn(pa).index;
	if (result == 0 && *pfn >= guest->frame_count)
		result = error_set(err, -EINVAL,
				   "%#" PRIx64 " is mapped to %#" PRIx64 ", which is no RAM",
				   name->number, pa.addr);
	return result;
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
