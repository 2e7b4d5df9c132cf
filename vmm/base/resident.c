/* SPDX-License-Identifier: MPL-2.0 */
/* How much memory a process uses for itself: see resident.h. */
#include "base/resident.h"

#include <inttypes.h>
#include <stdio.h>

#define BYTES_PER_KB 1024

uint64_t resident_overhead(pid_t pid)
{
	char path[32], line[128];
	uint64_t total = 0, kb;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *status = fopen(path, "re");

	if (!status)
		return 0;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %" SCNu64, &kb) == 1 ||
		    sscanf(line, "RssFile: %" SCNu64, &kb) == 1)
			total += kb * BYTES_PER_KB;
	fclose(status);
	return total;
}
