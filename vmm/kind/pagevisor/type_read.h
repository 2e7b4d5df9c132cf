/* SPDX-License-Identifier: MPL-2.0 */
/* The types of a guest with their fields, from the BTF that its image carries. */
#ifndef VMM_TYPE_READ_H
#define VMM_TYPE_READ_H

#include "kind/fields/type_catalog.h"
#include "kind/pagevisor/guest_view.h"

extern const struct type_marks pagevisor_type_marks;

/* Returns NULL only if memory ran out. The catalog says what is wrong with the BTF. */
struct type_catalog *type_catalog_read(const struct guest *guest, const struct guest_view *view);

#endif
