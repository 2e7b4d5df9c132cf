/* SPDX-License-Identifier: MPL-2.0 */
/* Memory by the migrate type of its page blocks, and what is free on the lists of that type. */
#ifndef VMM_LINUX_BREAKDOWN_TYPES_H
#define VMM_LINUX_BREAKDOWN_TYPES_H

#include "kind/breakdown.h"

#define MIGRATE_COLUMNS 5
extern const struct breakdown_column linux_migrate_columns[MIGRATE_COLUMNS];

/* Adds a row for each zone and type that has any; the same zone of several nodes is one. Returns as guest_breakdown. */
int linux_breakdown_types(const struct guest *guest, struct breakdown *to, struct error *err);

#endif
