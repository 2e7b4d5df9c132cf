/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a host does to a VM now and then, at random: its process is stopped for a moment, its threads are pinned to one
 * CPU or spread, inspectors are killed in the middle of whatever they do, vCPUs are paused, memory and descriptors
 * become short.
 */
#ifndef VMM_STRESS_CHAOS_H
#define VMM_STRESS_CHAOS_H

#include <stdint.h>
#include <sys/types.h>

#include "cli/stress/child.h"

enum chaos_act {
	CHAOS_STOP, /* SIGSTOP, and SIGCONT a little later */
	CHAOS_PIN,  /* all threads on one CPU */
	CHAOS_SPREAD,
	CHAOS_KILL,   /* an inspector; another takes its place */
	CHAOS_PAUSE,  /* an inspector that pauses the vCPUs comes, or is killed */
	CHAOS_HOG,    /* a process that takes part of the host's memory, for a while */
	CHAOS_STARVE, /* the VM may open no more descriptors than it has, for a while */
	CHAOS_ACTS,
};

const char *chaos_act_name(enum chaos_act act);

struct chaos {
	uint64_t random;
	uint64_t next_ns;     /* of the next act */
	uint64_t continue_ns; /* of SIGCONT, 0: it is not stopped */
	uint64_t hog_end_ns;
	uint64_t starve_end_ns; /* 0: the VM may open descriptors as it likes */
	struct child pauser, hog;
	uint64_t acts[CHAOS_ACTS]; /* acts done */
};

void chaos_init(struct chaos *chaos, uint64_t seed);

/* Does what is due to the VM `name`, which is process `pid` and its children, and to its inspectors. */
void chaos_step(struct chaos *chaos, pid_t pid, const char *name, struct child *inspectors,
		unsigned count);

/* Lets the VM continue, and ends the processes that chaos started. */
void chaos_end(struct chaos *chaos, pid_t pid);

/* The work of the process that CHAOS_HOG starts: takes and touches memory, within bounds, until it is killed. */
void chaos_hog_run(void);

#endif
