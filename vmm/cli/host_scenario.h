/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scenarios of `pagevisor stress` that are not the guest's alone: the guest runs one of its workloads, and the host does
 * something to it meanwhile.
 */
#ifndef VMM_HOST_SCENARIO_H
#define VMM_HOST_SCENARIO_H

#include <stddef.h>

/* How a stress run takes memory from its guest. */
enum reclaim_manner {
	RECLAIM_NOTHING,
	RECLAIM_ORDERS,  /* at random: takes, gives back, sets targets, interrupts */
	RECLAIM_TARGETS, /* a target that swings */
};

struct host_scenario {
	const char *name;
	const char *help;     /* one line */
	const char *workload; /* of the guest */
	const char *append;   /* an option of it, NAME=VALUE, unless the user sets it */
	enum reclaim_manner reclaim;
};

/* The next one from *at on, which starts at 0; NULL: there is no other. */
const struct host_scenario *host_scenario_next(size_t *at);

/* NULL: the name is not one of them. */
const struct host_scenario *host_scenario_find(const char *name);

/* The workload that the guest runs in a scenario. */
const char *host_scenario_workload(const char *scenario);

/* What is appended to the guest's command line for a scenario, behind what the user gave. */
const char *host_scenario_append(const char *scenario, const char *given);

#endif
