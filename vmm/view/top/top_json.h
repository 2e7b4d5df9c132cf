/* SPDX-License-Identifier: MPL-2.0 */
/* A model as JSON, for programs. */
#ifndef VMM_TOP_JSON_H
#define VMM_TOP_JSON_H

#include "base/json.h"
#include "source/source.h"
#include "view/top/top_model.h"

/*
 * A sample without its map: what top_print prints. "rates" and "changes_by_type" are present from the second sample on,
 * "callers" if the guest traces, "free" if the allocator's counts are known, "breakdown" with `limit` rows if it was asked for. Times are counted from
 * `start_ns` on.
 */
json *top_json(const struct top_model *model, const struct source *source, uint64_t start_ns,
	       uint64_t limit);

#endif
