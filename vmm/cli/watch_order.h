/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What one look of `pagevisor watch` found, in the order in which it happened: the operations in the guest's trace, and
 * the changes. The times of the two are of different clocks, and a look sees nothing that comes after it. So a frame's
 * generation decides where it can, and the times where it cannot.
 */
#ifndef VMM_WATCH_ORDER_H
#define VMM_WATCH_ORDER_H

#include "cli/watch_trace.h"
#include "inspect/frame_watch.h"

struct watch_order {
	/* Set by the caller. */
	const struct watch_trace *trace;
	const struct watch_change *changes; /* of each frame */
	const bool *is_changed;
	unsigned frame_count;
	/* Zeroes at first. */
	unsigned next[WATCH_FRAMES_MAX]; /* event of each frame */
	bool is_told[WATCH_FRAMES_MAX];  /* its change */
};

struct watch_item {
	unsigned frame;
	const struct frame_event *event; /* NULL: the frame's change */
	unsigned number;                 /* of the event in its history */
	int64_t at_ns;                   /* CLOCK_MONOTONIC */
};

/* The next item; false: there is none left. */
bool watch_order_next(struct watch_order *order, struct watch_item *item);

#endif
