/* SPDX-License-Identifier: MPL-2.0 */
/* Rows of a breakdown that belong to a zone, by the zone's number, which pages have in their flags. */
#ifndef VMM_LINUX_ZONE_ROWS_H
#define VMM_LINUX_ZONE_ROWS_H

#include "kind/breakdown.h"

struct guest;

/* More numbers than any kernel has; tables by number take the others' remainder. */
#define ZONE_NUMBERS_MAX 16

/* Appends a copy of a row without a name, as one of the zone. Returns NULL, with a text, if there is no memory for it. */
struct breakdown_row *zone_row_add(const struct guest *guest, unsigned zone,
				   const struct breakdown_row *from, struct breakdown *to,
				   struct error *err);

#endif
