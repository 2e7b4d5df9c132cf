/* SPDX-License-Identifier: MPL-2.0 */
/* Whether /proc is mounted: see proc.h. */
#include "base/proc.h"

#include <errno.h>
#include <unistd.h>

int proc_require(const char *why, struct error *err)
{
	return access("/proc/self/fd", F_OK) == 0
		       ? 0
		       : error_set(err, -ENOTSUP, "mount /proc: %s", why);
}
