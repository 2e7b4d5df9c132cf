/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What was done to a guest's frames, by which function, of guests that keep a trace: one look back (`show`, `trace`), or
 * again and again from where the last one ended (`watch`). Memory is bounded by the limit, however the guest fills its
 * trace; what it overwrote before it could be read is counted.
 */
#ifndef VMM_HISTORY_H
#define VMM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/elf/symbols.h"
#include "base/error.h"
#include "kind/guest.h"

#define HISTORY_EVENTS_MAX 1024
#define HISTORY_ALL_FRAMES UINT64_MAX
#define CALL_SITES_MAX     16
#define CALL_SITE_NAME     64

struct frame_event {
	uint64_t pfn;
	uint64_t time;     /* in ticks of the guest's clock */
	uint64_t position; /* in the trace of its processor */
	uint64_t caller;   /* the return address, in the guest's kernel */
	unsigned cpu;
	const char *operation;
	struct frame
		after; /* as the operation left the frame; FRAME_TYPE_NONE where the event does not say */
};

/* Of one frame. Set pfn before reading; the rest is the result. */
struct frame_history {
	uint64_t pfn; /* or HISTORY_ALL_FRAMES */
	unsigned count;
	struct frame_event *events; /* oldest first */
	uint64_t of_cpu
		[GUEST_CPUS_MAX]; /* events of each processor, those that are not kept included */
	uint64_t total;           /* of all processors */
	uint64_t newest;    /* time of the newest event of any frame: what is closest to now */
	uint64_t clock_khz; /* ticks in a millisecond; 0: the guest does not know */
};

/* What reading has cost so far; adds up over calls. */
struct history_counts {
	uint64_t events;
	uint64_t lost;    /* overwritten before they could be read */
	uint64_t broken;  /* entries that cannot be true */
	uint64_t refused; /* whole traces of a processor that cannot be true */
};

/* How far each processor's trace was read: zeroed at first, which means all that is still there. */
struct history_cursor {
	uint64_t next[GUEST_CPUS_MAX];
};

/* The busiest callers in what the trace holds now. */
struct call_site {
	uint64_t caller;
	uint64_t events;
	char name[CALL_SITE_NAME]; /* "function+0x12", or the address; printable */
};

struct call_sites {
	uint64_t events; /* that the trace holds */
	unsigned count;  /* the busiest first */
	struct call_site sites[CALL_SITES_MAX];
};

/* What a kind implements; each as the function of that name below. */
struct history_ops {
	bool (*is_kept)(const struct guest *guest);
	int (*read)(const struct guest *guest, struct history_cursor *cursor,
		    struct frame_history *histories, unsigned count, unsigned limit,
		    struct history_counts *counts);
	int (*call_sites)(const struct guest *guest, struct call_sites *sites);
	int (*symbols)(const struct guest *guest, struct symbols *symbols);
};

/* Whether the guest keeps a trace. Reads nothing of it. */
bool guest_keeps_history(const struct guest *guest);

/*
 * Collects at most `limit` events, 1 to HISTORY_EVENTS_MAX, of each of the frames, from the cursor on (NULL: all that is
 * there), and moves it. Returns 0; -ENODATA, the guest keeps no trace; -EFAULT, it is not in memory; -ENOMEM. After an
 * error all histories are empty. Either way history_free is called for each of them.
 */
int guest_history(const struct guest *guest, struct history_cursor *cursor,
		  struct frame_history *histories, unsigned count, unsigned limit,
		  struct history_counts *counts);
void history_free(struct frame_history *history);

/* Nanoseconds from one time to a later one; 0 when the clock is not known, or they are reversed, UINT64_MAX when more. */
uint64_t history_ns_between(const struct frame_history *history, uint64_t from, uint64_t to);

/* Returns as guest_history; after an error there are none. */
int guest_call_sites(const struct guest *guest, struct call_sites *sites);

/* The functions of the guest's kernel by address. Returns 0, none among it, or -EPROTO: its table is broken, and empty. */
int guest_symbols(const struct guest *guest, struct symbols *symbols);

#endif
