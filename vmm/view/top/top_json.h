/* SPDX-License-Identifier: MPL-2.0 */
/* A model as JSON, for programs. */
#ifndef VMM_TOP_JSON_H
#define VMM_TOP_JSON_H

#include "base/json.h"
#include "view/top/top_model.h"

/*
 * A sample without its map: what top_print prints. `rates` and `changes` are present from the second sample on,
 * `callers` if the guest traces, `free` if the allocator's counts are known.
 */
struct json_object *top_json(const struct top_model *model, const char *name);

#endif
