/* SPDX-License-Identifier: MPL-2.0 */
/* Page blocks by what keeps them from becoming huge pages. */
#ifndef VMM_LINUX_BREAKDOWN_BLOCKS_H
#define VMM_LINUX_BREAKDOWN_BLOCKS_H

#include "kind/breakdown.h"

/*
 * Adds a row for each zone and each of: blocks that are free, or huge pages, or need but moving, or
 * are in transit; blocks that pages of one
 * class keep; those that several keep. Each block counts in one of them. Returns as guest_breakdown.
 */
int linux_breakdown_blocks(const struct guest *guest, struct breakdown *to, struct error *err);

extern const struct breakdown_column linux_block_columns[BREAKDOWN_FIGURES_MAX];

#endif
