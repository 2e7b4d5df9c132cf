/* SPDX-License-Identifier: MPL-2.0 */
/* Page frames as people name them: see frame_text.h. */
#include "view/frame_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/address.h>

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

int frame_exists(const struct guest_view *view, uint64_t pfn, struct error *err)
{
	if (pfn < view->slot_count)
		return 0;
	return error_set(err, -EINVAL,
			 "no such frame: the guest's memory ends at %#" PRIx64
			 ", the last frame is pfn:%" PRIu64,
			 view->max_paddr, view->slot_count - 1);
}
