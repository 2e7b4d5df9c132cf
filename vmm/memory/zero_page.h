/* SPDX-License-Identifier: MPL-2.0 */
/* Pages that are all zeros need no memory: copies leave holes in their place. */
#ifndef VMM_ZERO_PAGE_H
#define VMM_ZERO_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <pagevisor/address.h>

static inline bool is_zero_page(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE_SIZE - 1) == 0;
}

#endif
