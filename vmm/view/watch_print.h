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
#include "kind/history.h"
#include "kind/life.h"
#include "view/coverage.h"

struct watch_print {
	const struct guest *guest;
	const struct type_catalog *catalog;
	uint64_t start_ns; /* times are counted from here */
	bool many;         /* several frames: each line begins with its frame */
	unsigned columns;  /* lines are folded at this width; 0: never */
	int type_width; /* of the column; 0 before the first head. It grows when a longer name comes. */
	uint64_t last_ns; /* of the last line: times never go back */
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
	struct coverage coverage;
};

void watch_print_head(struct watch_print *print);
void watch_print_text(struct watch_print *print, uint64_t pfn, const struct watch_change *change);

/* An operation in the guest's trace, below the same head: what it left, and what it was. */
void watch_print_event(struct watch_print *print, const struct frame_event *event, int64_t at_ns,
		       const char *place);
void watch_print_left_out(const struct watch_print *print, uint64_t pfn, uint64_t events);

/* The sums, to standard error. */
void watch_print_summary(const struct watch_summary *summary);

/*
 * Lines of an answer whose list has the changes: the first look at a frame, a change, what became of the guest, the end. Return
 * 0, or -ENOMEM.
 */
int watch_print_json(const struct watch_print *print, uint64_t pfn,
		     const struct watch_change *change);
int watch_print_json_event(const struct watch_print *print, enum life_event event);
int watch_print_json_end(const struct watch_summary *summary, int status);

#endif
