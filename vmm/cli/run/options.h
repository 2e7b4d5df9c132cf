/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor run`. */
#ifndef VMM_RUN_OPTIONS_H
#define VMM_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/guest_options.h"

struct run_options {
	struct guest_options guest;
	const char *name; /* NULL: named after its process */
	const char *workload;
	uint64_t timeout_ns; /* 0: none */
	unsigned trace;      /* entries of each vCPU's ring, 0: no trace */
	unsigned scans_per_second;
	bool json;
	bool quiet;
};

/* Parses the arguments after `run`. Prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
void run_options_parse(struct run_options *options, int argc, char **argv);

#endif
