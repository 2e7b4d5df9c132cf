/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much of a CPU a guest may have the host spend on its asks: one part in ASK_SHARE, with some saved up. Whatever the
 * guest does, as when it asks or rings in a loop, more is not spent; asks then wait.
 *
 * An honest guest does not feel it. It asks when an allocation has found nothing, and gets 2 MiB. Touching these costs it
 * milliseconds; releasing them costs the host some ten microseconds. The savings pay for hundreds of asks at once:
 * one for each CPU, as often as there are CPUs. After the one ask that takes longest, of an allocation that needs all that
 * the host holds, the next one waits for ASK_WAIT_MAX_NS at most. That one releases what the host must claim again before
 * another can cost as much, so it need not be paid in full.
 *
 * Pure: the caller has the clocks. Used by one thread.
 */
#ifndef VMM_ASK_BUDGET_H
#define VMM_ASK_BUDGET_H

#include <stdint.h>

#define ASK_SHARE       4
#define ASK_SAVED_NS    UINT64_C(100000000) /* of time: a part in ASK_SHARE of it is CPU time */
#define ASK_WAIT_MAX_NS UINT64_C(40000000)

/* Each wake-up by the guest's bell costs at least so much, of which most is not the thread's own time. */
#define ASK_RING_NS UINT64_C(20000)

/* Zero-initialised: all is saved up. */
struct ask_budget {
	uint64_t
		paid_ns; /* when all that was spent will have been earned, had nothing been saved up */
};

/* From when on asks may be served; at `now_ns` or before: at once. */
uint64_t ask_budget_open_ns(const struct ask_budget *budget, uint64_t now_ns);

/* So much CPU time was spent until now. */
void ask_budget_spend(struct ask_budget *budget, uint64_t now_ns, uint64_t cpu_ns);

#endif
