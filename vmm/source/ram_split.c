/* SPDX-License-Identifier: MPL-2.0 */
/* Where machines split their RAM: see ram_split.h. */
#include "source/ram_split.h"

#define GIB (UINT64_C(1) << 30)

unsigned ram_split_list(uint64_t size, uint64_t lows[RAM_SPLITS_MAX])
{
	/* q35; pc and microvm; the most that pc allows; max-ram-below-4g=1G. */
	static const uint64_t known[RAM_SPLITS_MAX - 1] = {2 * GIB, 3 * GIB, 7 * GIB / 2, GIB};
	unsigned count = 0;

	lows[count++] = size;
	for (unsigned i = 0; i < RAM_SPLITS_MAX - 1; i++)
		if (known[i] < size)
			lows[count++] = known[i];
	return count;
}
