/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor stress`. */
#ifndef VMM_STRESS_OPTIONS_H
#define VMM_STRESS_OPTIONS_H

#include <stdbool.h>

#include "cli/stress/round.h"

#define STRESS_SCENARIOS_MAX 16

struct stress_options {
	struct round_options
		round; /* of all rounds; scenario, plant and seed are those of the first */
	const char *scenarios[STRESS_SCENARIOS_MAX];
	unsigned scenario_count;
	bool all_plants;
	unsigned seeds; /* rounds of each kind, with consecutive seeds */
	bool json;
	bool quiet;
	bool list;
	/* Requests to the processes of a run; not for users. */
	const char *inspect;
	bool pauses;
	bool hog;
};

/* Parses the arguments after `stress`. Prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
void stress_options_parse(struct stress_options *options, int argc, char **argv);

#endif
