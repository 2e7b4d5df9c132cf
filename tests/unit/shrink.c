/* SPDX-License-Identifier: MPL-2.0 */
/* Delta debugging: see shrink.h. */
#include "unit/shrink.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One pass over the sequence: drops each chunk that the failure does not need. */
static size_t drop_chunks(uint8_t *items, size_t size, size_t count, size_t chunk,
			  shrink_fails_t fails, void *context)
{
	uint8_t *candidate = malloc(count * size);
	size_t start = 0;

	if (!candidate)
		abort();
	while (start < count) {
		size_t length = chunk < count - start ? chunk : count - start;
		size_t after = count - start - length;

		memcpy(candidate, items, start * size);
		memcpy(candidate + start * size, items + (start + length) * size, after * size);
		if (!fails(candidate, count - length, context)) {
			start += length;
			continue;
		}
		count -= length;
		memcpy(items, candidate, count * size);
	}
	free(candidate);
	return count;
}

size_t shrink(void *items, size_t size, size_t count, shrink_fails_t fails, void *context)
{
	size_t chunk = count / 2;

	while (chunk > 0) {
		size_t left = drop_chunks(items, size, count, chunk, fails, context);

		/* An item that was needed may not be needed any more after others went. */
		if (chunk > 1 || left == count)
			chunk /= 2;
		count = left;
		if (chunk > count)
			chunk = count;
	}
	return count;
}
