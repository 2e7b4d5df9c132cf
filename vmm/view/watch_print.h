/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor watch` writes to standard output: a line for each change, as a table or as JSON.
 *
 * Anything known about a change beyond two looks at the frame belongs here. The change happened between
 * change->after_ns and change->at_ns.
 */
#ifndef VMM_WATCH_PRINT_H
#define VMM_WATCH_PRINT_H

#include "kind/fields/type_catalog.h"
#include "inspect/frame_watch.h"

struct watch_print {
	const struct guest *guest;
	const struct type_catalog *catalog;
	uint64_t start_ns; /* times are counted from here */
	bool many;         /* several frames: each line begins with its frame */
	unsigned columns;  /* lines are folded at this width; 0: never */
};

/* Totals over all frames. */
struct watch_summary {
	const char *reason; /* why it ended, in a word */
	uint64_t time_ns;
	uint64_t rounds; /* looks at each frame */
	uint64_t changes, unstable;
	bool has_missed;
	uint64_t missed; /* generations, where the guest's kind has them */
	uint64_t gap_ns; /* the longest time between two looks at a frame */
	bool is_traced;
	uint64_t events; /* of these frames, in the trace */
	uint64_t lost;   /* of any frame, overwritten before they could be read */
};

void watch_print_head(const struct watch_print *print);
void watch_print_text(const struct watch_print *print, uint64_t pfn,
		      const struct watch_change *change);

/* Prints one object in one line. Returns 0, or -ENOMEM. */
int watch_print_json(const struct watch_print *print, uint64_t pfn,
		     const struct watch_change *change);
int watch_print_json_end(const struct watch_summary *summary);

#endif
