/* SPDX-License-Identifier: MPL-2.0 */
/* Events of a guest's trace for people and for programs. */
#ifndef VMM_TRACE_TEXT_H
#define VMM_TRACE_TEXT_H

#include <stdbool.h>

#include "base/elf/symbols.h"
#include "base/json.h"
#include "kind/guest.h"
#include "kind/history.h"

/* Of one frame, where not all of them matter. */
#define TRACE_HISTORY_SHOWN 16

/* A line for each event, the oldest first, the title before the first: how long before the newest of all events, CPU, what, by whom. */
void trace_history_print(const struct frame_history *history, const struct guest *guest,
			 const struct symbols *symbols, const char *title, bool with_frames);

/* One of them as members of a JSON object, and all as an array of such objects. */
void trace_event_json(struct json_object *object, const struct frame_history *history,
		      unsigned number, const struct guest *guest, const struct symbols *symbols,
		      bool with_frames);
struct json_object *trace_history_json(const struct frame_history *history,
				       const struct guest *guest, const struct symbols *symbols,
				       bool with_frames);

/* What was lost or broken in reading, in a line on standard error; nothing when nothing was. */
void trace_counts_tell(const struct history_counts *counts);

#endif
