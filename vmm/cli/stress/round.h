/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One round of a stress run: a VM (this command's own `run`, in a separate process) with a scenario. It is watched by
 * its own watcher, by inspectors that attach to it, and now and then by a check of all metadata; at the end the guest's
 * counters are compared with its slots. The round ends when the guest does, when something was found, or when the time
 * limit is up. For one thread.
 */
#ifndef VMM_STRESS_ROUND_H
#define VMM_STRESS_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/exit_status.h"
#include "cli/guest_options.h"
#include "cli/host_scenario.h"
#include "cli/stress/chaos.h"
#include "cli/stress/checkpoint.h"
#include "cli/stress/child.h"
#include "cli/stress/discovery.h"
#include "cli/stress/reclaimer.h"
#include "cli/stress/resources.h"
#include "kind/console_report.h"

#define ROUND_INSPECTORS_MAX 16
#define ROUND_DISCOVERIES    8
#define ROUND_ARGUMENTS_MAX  32

struct round_options {
	const char *scenario;
	const char *plant; /* NULL: none */
	const char *from;  /* the file from which the VM goes on, NULL: it boots */
	struct guest_options guest;
	uint64_t limit_ns; /* to detect a hang */
	unsigned inspectors;
	unsigned rate;     /* scans per second of each */
	uint64_t check_ns; /* the time between two checks, 0: none */
	bool chaos;
	bool reclaim;           /* whatever the scenario */
	uint64_t checkpoint_ns; /* the time between two saves of the VM, 0: none */
};

struct round_progress {
	uint64_t steps, allocations, frees;
	uint64_t first_steps; /* at the first look at a VM that goes on from a file */
	uint64_t in_use, frames;
	uint64_t looks;  /* of all inspectors */
	uint64_t checks; /* completed, at level 3 */
	struct reclaim_tally reclaim;
};

struct round {
	struct round_options options;
	char name[32]; /* of the VM */
	uint64_t start_ns, next_check_ns, next_sample_ns, stop_ns;
	unsigned stops;      /* how often the guest was asked to end */
	unsigned interrupts; /* how often a person asked */
	bool is_cut;         /* interrupted, so that a check or all of the report is missing */
	struct child guest, checker, reclaimer;
	struct child inspectors[1 + ROUND_INSPECTORS_MAX]; /* the first is the round's own */
	struct chaos chaos;
	struct checkpoint checkpoint;
	struct resource_trend vm_trend,
		inspector_trend; /* of the VM, and of the round's own inspector */
	struct round_progress progress;
	struct planted_fault planted;
	struct discovery found[ROUND_DISCOVERIES]; /* by time */
	unsigned found_count;
	int status;           /* of the VM's process when it has ended, else -1 */
	uint64_t final_steps; /* by its report */
	struct error refusal; /* its message when it could not run */
};

/* How memory is taken from the guest of a round. */
enum reclaim_manner round_reclaim(const struct round_options *options);

/* `place` is where the VM is saved, or an empty one. */
int round_start(struct round *round, const struct round_options *options,
		const struct checkpoint_place *place, unsigned number, struct error *err);

/* Waits a moment and handles events. Returns false when the round is over. */
bool round_step(struct round *round);

/* Asks the guest to end. */
void round_stop(struct round *round);

/* A person wants the round to end: the first time as by round_stop, the second time at once, without the VM's report. */
void round_interrupt(struct round *round);

/* Reads the VM's report and ends all processes. */
void round_finish(struct round *round);

/* Whether the VM could not be run at all, with the status that says why. */
static inline bool round_was_refused(const struct round *round)
{
	return (round->status == STATUS_REFUSED || round->status == STATUS_BAD_INPUT) &&
	       round->found_count == 0;
}

#endif
