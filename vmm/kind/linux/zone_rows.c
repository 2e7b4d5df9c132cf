/* SPDX-License-Identifier: MPL-2.0 */
/* Rows that belong to a zone: see zone_rows.h. */
#include "kind/linux/zone_rows.h"

#include <stdio.h>

#include "kind/linux/page_property.h"

struct breakdown_row *zone_row_add(const struct guest *guest, unsigned zone,
				   const struct breakdown_row *from, struct breakdown *to,
				   struct error *err)
{
	const char *name = linux_properties.value_name(guest, PROPERTY_ZONE, zone);
	struct breakdown_row *row = breakdown_add(to, err);

	if (!row)
		return NULL;
	*row = *from;
	if (name)
		snprintf(row->group, sizeof(row->group), "%s", name);
	return row;
}
