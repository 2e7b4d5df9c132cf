/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a guest did to its frames and in which function, for guests that keep a trace. It is read once (`show`,
 * `trace`), or repeatedly, each time from where the last read ended (`watch`). The limit bounds memory, however the
 * guest fills its trace. Events that were overwritten before they could be read are counted.
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
#define TIME_UNKNOWN       UINT64_MAX
#define CALL_SITES_MAX     16
#define CALL_SITE_NAME     64

struct frame_event {
	uint64_t pfn;
	/*
	 * In ticks of the guest's clock: it happened at `time` or later, and not after `until`. The two are equal if
	 * the guest read its clock for this event. TIME_UNKNOWN: its processor has not read the clock since.
	 */
	uint64_t time;
	uint64_t until;
	uint64_t position; /* in the trace of its processor */
	uint64_t caller;   /* the return address, in the guest's kernel */
	unsigned cpu;
	const char *operation;
	struct frame
		after; /* the frame after the operation; FRAME_TYPE_NONE if the event does not say */
};

/* The history of one frame. Set pfn before reading; the rest is the result. */
struct frame_history {
	uint64_t pfn; /* or HISTORY_ALL_FRAMES */
	unsigned count;
	struct frame_event *events;      /* oldest first */
	uint64_t of_cpu[GUEST_CPUS_MAX]; /* events of each processor, including those not kept */
	uint64_t total;                  /* of all processors */
	uint64_t newest;    /* time of the newest event of any frame: the latest time known */
	uint64_t clock_khz; /* ticks in a millisecond; 0: the guest does not know */
};

/* What reading has found so far; adds up over calls. */
struct history_counts {
	uint64_t events;
	uint64_t lost;    /* overwritten before they could be read */
	uint64_t broken;  /* invalid entries */
	uint64_t refused; /* invalid traces of a processor, skipped as a whole */
};

/* How far each processor's trace has been read. Starts zeroed, which means everything that it still holds. */
struct history_cursor {
	uint64_t next[GUEST_CPUS_MAX];
};

/* One of the busiest callers in the present trace. */
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

/* What a kind implements; each works as its counterpart below. */
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
 * Collects at most `limit` events, 1 to HISTORY_EVENTS_MAX, of each frame, from the cursor on (NULL: everything that
 * the trace holds), and advances the cursor. Returns 0; -ENODATA if the guest keeps no trace; -EFAULT if it is not in
 * memory; or -ENOMEM. After an error all histories are empty. Call history_free for each of them in either case.
 */
int guest_history(const struct guest *guest, struct history_cursor *cursor,
		  struct frame_history *histories, unsigned count, unsigned limit,
		  struct history_counts *counts);
void history_free(struct frame_history *history);

/*
 * Nanoseconds from one time to a later one; 0 if the clock is unknown or the times are reversed; UINT64_MAX if there
 * are more.
 */
uint64_t history_ns_between(const struct frame_history *history, uint64_t from, uint64_t to);

/* Returns as guest_history; after an error there are no sites. */
int guest_call_sites(const struct guest *guest, struct call_sites *sites);

/*
 * The functions of the guest's kernel by address. Returns 0, also if it has none; -EPROTO if its table is broken; or
 * -ENOMEM. After an error `symbols` is empty.
 */
int guest_symbols(const struct guest *guest, struct symbols *symbols);

#endif
