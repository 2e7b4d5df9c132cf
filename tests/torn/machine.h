/* SPDX-License-Identifier: MPL-2.0 */
/* A small VM in this process that runs the guest's workload torn, for the readers. */
#ifndef TESTS_TORN_MACHINE_H
#define TESTS_TORN_MACHINE_H

#include <stdint.h>

#include "base/error.h"
#include "cli/run/kernel_file.h"
#include "machine/device/boot_stages.h"
#include "machine/device/serial.h"
#include "machine/kvm/vm.h"
#include "torn/guest.h"

struct machine_options {
	const char *kernel; /* NULL: our own guest, beside this program */
	unsigned cpus;
	unsigned frames; /* of each vCPU */
	uint64_t seed;
};

struct machine {
	struct kernel_file kernel;
	struct vm vm;
	struct serial serial;
	struct boot_stages stages;
	struct torn_guest guest;
};

/*
 * Boots it and waits until the workload runs. The calling thread is registered with liburcu. Returns 0 or a negative
 * errno; after an error everything is released.
 */
int machine_start(struct machine *machine, const struct machine_options *options,
		  struct error *err);

/* Whether the run has ended; waits up to `ms` milliseconds for that. */
bool machine_has_ended(const struct machine *machine, int ms);

/*
 * Asks the workload to end, and compares the guest's counts with its slots. Returns 0, or -EPROTO when the guest failed
 * or its counts are wrong. Releases the machine in any case.
 */
int machine_stop(struct machine *machine, struct error *err);

#endif
