/* SPDX-License-Identifier: MPL-2.0 */
/* A guest's memory by class of frames, for guests of any kind. */
#ifndef VMM_CLASS_BREAKDOWN_H
#define VMM_CLASS_BREAKDOWN_H

#include "kind/breakdown.h"

/* As a kind's `breakdown`. */
int class_breakdown(const struct guest *guest, uint64_t limit, struct breakdown *breakdown,
		    struct error *err);

#endif
