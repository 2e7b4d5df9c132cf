/* SPDX-License-Identifier: MPL-2.0 */
/* The options of `pagevisor run`. */
#ifndef VMM_RUN_OPTIONS_H
#define VMM_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/accel.h"

#define RING_AUTO (-1)

struct run_options {
	const char *name;   /* NULL: by its process */
	const char *kernel; /* NULL: our own guest */
	enum accel accel;
	uint64_t memory; /* bytes */
	unsigned cpus;
	int ring; /* 0, 3 or RING_AUTO */
	const char *workload;
	uint64_t seed;
	uint64_t operations; /* of each vCPU, 0: no limit */
	uint64_t time_ns;    /* 0: no limit */
	uint64_t timeout_ns; /* 0: none */
	const char *append;
	unsigned trace; /* entries of each vCPU's ring, 0: no trace */
	unsigned scans_per_second;
	bool json;
	bool quiet;
};

/*
 * Parses the arguments behind `run`; prints and exits on --help and on an error, with
 * STATUS_BAD_INPUT.
 */
void run_options_parse(struct run_options *options, int argc, char **argv);

#endif
