/* SPDX-License-Identifier: MPL-2.0 */
/* Events of a guest's trace for people and for programs. */
#ifndef VMM_TRACE_TEXT_H
#define VMM_TRACE_TEXT_H

#include <stdbool.h>

#include "base/elf/symbols.h"
#include "base/json.h"
#include "kind/guest.h"
#include "kind/history.h"
#include "memory/management.h"

/* Events shown of one frame where not all of them matter. */
#define TRACE_HISTORY_SHOWN 16

/*
 * Prints a line for each event, oldest first: how long before the newest of all events, CPU, frame, operation, caller.
 */
void trace_history_print(const struct frame_history *history, const struct guest *guest,
			 const struct symbols *symbols);

/*
 * The same of one frame, with what the host did to it (NULL: not known) where it belongs: by the generation, for the guest's
 * clock and the host's cannot be compared.
 */
void trace_frame_print(const struct frame_history *history, const struct management_record *host,
		       const struct guest *guest, const struct symbols *symbols);

/*
 * The same with frames, and with seconds since a moment that lies `zero_ns` after the guest's clock read 0. Ticks if the
 * guest does not know its clock's frequency.
 */
void trace_history_print_since(const struct frame_history *history, const struct guest *guest,
			       const struct symbols *symbols, int64_t zero_ns);

/* The head of these lines. */
#define TRACE_SECONDS_HEAD "   SECONDS"

/* Where a call comes from, "function+0x12" or an address. Returns text, of TRACE_PLACE_TEXT bytes. */
#define TRACE_PLACE_TEXT SYMBOLS_TEXT_SIZE
const char *trace_place_text(const struct symbols *symbols, uint64_t caller, char *text);

/* An event's time in nanoseconds since the guest's clock read 0; 0 if that is unknown. */
int64_t trace_event_ns(const struct frame_history *history, uint64_t time);

/* One event as a JSON object, and all that happened to one frame as an array of such objects. */
json *trace_event_json(const struct frame_history *history, unsigned number,
		       const struct guest *guest, const struct symbols *symbols);
json *trace_frame_json(const struct frame_history *history, const struct management_record *host,
		       const struct guest *guest, const struct symbols *symbols);

/* Reports what was lost or broken in reading, in one line on standard error. Prints nothing if nothing was. */
void trace_counts_tell(const struct history_counts *counts);

#endif
