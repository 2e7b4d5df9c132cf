/* SPDX-License-Identifier: MPL-2.0 */
/* Events of a guest's trace for people and for programs. */
#ifndef VMM_TRACE_TEXT_H
#define VMM_TRACE_TEXT_H

#include <stdbool.h>

#include "base/elf/symbols.h"
#include "base/json.h"
#include "kind/guest.h"
#include "kind/history.h"

/* Events shown of one frame where not all of them matter. */
#define TRACE_HISTORY_SHOWN 16

/*
 * Prints a line for each event, oldest first, with the title before the first: how long before the newest of all
 * events, CPU, operation, caller.
 */
void trace_history_print(const struct frame_history *history, const struct guest *guest,
			 const struct symbols *symbols, const char *title, bool with_frames);

/* One event as members of a JSON object, and all events as an array of such objects. */
void trace_event_json(struct json_object *object, const struct frame_history *history,
		      unsigned number, const struct guest *guest, const struct symbols *symbols,
		      bool with_frames);
struct json_object *trace_history_json(const struct frame_history *history,
				       const struct guest *guest, const struct symbols *symbols,
				       bool with_frames);

/* Reports what was lost or broken in reading, in one line on standard error. Prints nothing if nothing was. */
void trace_counts_tell(const struct history_counts *counts);

#endif
