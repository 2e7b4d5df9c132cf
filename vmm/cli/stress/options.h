/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor stress`. */
#ifndef VMM_STRESS_OPTIONS_H
#define VMM_STRESS_OPTIONS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/elf/option_list.h"
#include "base/error.h"
#include "cli/stress/round.h"

#define STRESS_SCENARIOS_MAX 32

struct stress_options {
	struct round_options
		round; /* of all rounds; scenario, plant and seed are those of the first */
	const char *scenarios[STRESS_SCENARIOS_MAX];
	unsigned scenario_count;
	bool all_plants;            /* one round for each fault that the kernel lists */
	unsigned seeds;             /* rounds of each kind, with consecutive seeds */
	const char *program;        /* as it was called */
	const char *save_directory; /* for the states of VMs with findings; NULL: none are kept */
	bool json;
	bool quiet;
	bool list;
	/* Requests to the processes of a run; not for users. */
	const char *inspect;
	bool pauses;
	bool hog;
	const char *reclaimer;
	bool targets; /* of the reclaimer, instead of orders */
};

/* The time between two checks, and what a round may take, where no option says otherwise. */
#define STRESS_CHECK_NS (2 * NS_PER_S)
uint64_t stress_default_limit_ns(const struct guest_options *guest);

/*
 * Judges scenarios, fault and --append by what the kernel lists, and replaces the scenario "all" by the list's, which must
 * outlive the options. Returns 0 or -EINVAL with one line.
 */
int stress_options_judge(struct stress_options *options, const struct option_list *list,
			 struct error *err);

/* Parses the arguments after `stress`. Prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
void stress_options_parse(struct stress_options *options, int argc, char **argv);

#endif
