/* SPDX-License-Identifier: MPL-2.0 */
/* How much memory this process uses for itself: see resident.h. */
#include "base/resident.h"

#include <inttypes.h>
#include <stdio.h>

#define BYTES_PER_KB 1024

uint64_t resident_overhead(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	uint64_t total = 0, kb;
	char line[128];

	if (!status)
		return 0;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %" SCNu64, &kb) == 1 ||
		    sscanf(line, "RssFile: %" SCNu64, &kb) == 1)
			total += kb * BYTES_PER_KB;
	fclose(status);
	return total;
}
