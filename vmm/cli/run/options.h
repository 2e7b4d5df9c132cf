/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor run`. */
#ifndef VMM_RUN_OPTIONS_H
#define VMM_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/guest_options.h"

#define SCANS_PER_SECOND_MAX 1000

struct run_options {
	struct guest_options guest;
	const char *name;
	char own_name[16];    /* after its process, unless it is given one */
	const char *workload; /* "help": print what the kernel lists */
	uint64_t timeout_ns;  /* 0: none */
	bool may_hang;        /* a guest that does nothing any more is not ended after its time */
	unsigned trace;       /* entries of each vCPU's ring, 0: no trace */
	unsigned scans_per_second;
	uint64_t console_rate; /* bytes a second, 0: no limit */
	uint64_t target;       /* bytes that the guest is to have, 0: all */
	uint64_t headroom;     /* bytes of what is free that the target leaves */
	bool json;
	bool quiet;
};

/* Parses the arguments after `run`. Prints and exits on --help and on an error, with STATUS_BAD_INPUT. */
void run_options_parse(struct run_options *options, int argc, char **argv);

#endif
