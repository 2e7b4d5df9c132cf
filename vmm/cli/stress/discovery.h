/* SPDX-License-Identifier: MPL-2.0 */
/* What a stress run finds: who found it, where, and which rule is broken. */
#ifndef VMM_STRESS_DISCOVERY_H
#define VMM_STRESS_DISCOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

enum finder {
	FINDER_NONE,
	FINDER_CHECK,   /* a check in the workload itself: stamps, sums */
	FINDER_ABORT,   /* the metadata library stopped the kernel */
	FINDER_TRAP,    /* an exception: the guest ran into something broken */
	FINDER_LEVEL_2, /* an inspector, while the guest ran */
	FINDER_LEVEL_3, /* a check of all metadata as of one instant */
	FINDER_BOOKS,   /* slots, free lists and counters after the guest had ended */
	FINDER_LIMIT,   /* it had not ended when its time was up */
	FINDER_TOOL,    /* a process of the stress run itself failed */
	FINDER_COUNT,
};

const char *finder_name(enum finder finder);

struct discovery {
	enum finder finder; /* FINDER_NONE: nothing was found */
	bool has_frame;
	bool is_said;
	uint64_t frame;
	char rule[80]; /* its name, or the guest's words */
	char text[256];
	uint64_t steps; /* of the guest when this was found; 0: not known */
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/* A finding in the JSON reports of `check`, `run` and inspectors, found now. */
struct discovery discovery_of_finding(const json *finding, enum finder finder);

/*
 * A failure that the guest itself found, in the report of a `run` that started at start_ns (CLOCK_MONOTONIC). FINDER_NONE:
 * not a failure.
 */
struct discovery discovery_of_failure(const json *failure, uint64_t start_ns);

/*
 * A guest that did not go on between two looks, by life_event_key, found now. Nobody resets the VM of a stress run, so the
 * guest did this. FINDER_NONE: no such event.
 */
struct discovery discovery_of_life(const char *key);

#endif
