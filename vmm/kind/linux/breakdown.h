/* SPDX-License-Identifier: MPL-2.0 */
/* Memory by file, cache, process, zone, page block and migrate type, as a Linux kernel has it. */
#ifndef VMM_LINUX_BREAKDOWN_H
#define VMM_LINUX_BREAKDOWN_H

#include "kind/breakdown.h"

int linux_breakdown(const struct guest *guest, enum breakdown_by by, uint64_t limit,
		    struct breakdown *breakdown, struct error *err);

#endif
