/* SPDX-License-Identifier: MPL-2.0 */
/* The cost of reading records, shown to the user. Each thread has its own. */
#ifndef VMM_READ_COUNTERS_H
#define VMM_READ_COUNTERS_H

#include <stdint.h>

struct read_counters {
	uint64_t slots;   /* records whose state was read */
	uint64_t copies;  /* consistent copies taken */
	uint64_t retries; /* copies thrown away because the record changed meanwhile */
	uint64_t
		unstable; /* records given up: they changed at every attempt, or reading took too long */
};

static inline void read_counters_add(struct read_counters *sum, const struct read_counters *part)
{
	sum->slots += part->slots;
	sum->copies += part->copies;
	sum->retries += part->retries;
	sum->unstable += part->unstable;
}

#endif
