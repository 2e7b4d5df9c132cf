/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor show`: the page-table entries that point at the frame. */
#ifndef VMM_SHOW_ENTRIES_H
#define VMM_SHOW_ENTRIES_H

#include "base/json.h"
#include "kind/pagevisor/frame_entries.h"

void show_entries_text(const struct frame_entries *entries, uint64_t pfn);

/* Adds "entries" and what is said with them to the object of a frame. */
void show_entries_json(const struct frame_entries *entries, uint64_t pfn, struct json_object *root);

#endif
