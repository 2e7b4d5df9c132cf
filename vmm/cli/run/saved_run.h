/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the process that runs a VM keeps beside the state of its machine, so that another one can go on with it: the part
 * MACHINE_PART_RUN of a saved machine.
 */
#ifndef VMM_SAVED_RUN_H
#define VMM_SAVED_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/layout.h>

#include "attach/vm_name.h"
#include "base/error.h"
#include "cli/run/kernel_file.h"
#include "cli/run/options.h"
#include "memory/machine_state.h"

#define SAVED_RUN_VERSION 1

#define SAVED_RUN_IS_WATCHED UINT32_C(1) /* flag: info_pa is the address in the kernel's note */
#define SAVED_RUN_MAY_HANG   UINT32_C(2) /* flag: see struct run_options */

#define SAVED_RUN_WORKLOAD_SIZE 64

/* Texts end with a zero. */
struct saved_run {
	uint32_t version;
	uint32_t flags;
	uint32_t cpus;
	uint32_t ring;
	uint64_t memory; /* bytes */
	uint64_t info_pa;
	uint64_t seed;
	uint64_t operations;
	uint64_t time_ns;
	uint64_t timeout_ns;
	uint64_t console_rate;
	uint64_t target;
	uint64_t headroom;
	uint32_t trace;
	uint32_t scans_per_second;
	uint32_t kernel_sum; /* CRC-32C of the kernel's file */
	uint32_t reserved;
	char name[40];
	char workload[SAVED_RUN_WORKLOAD_SIZE];
	char kernel[PATH_MAX]; /* the path of its file; empty: our own guest's */
};

_Static_assert(sizeof(struct saved_run) == 104 + 40 + SAVED_RUN_WORKLOAD_SIZE + PATH_MAX,
	       "the format of a saved machine is fixed");

/* While the kernel's file still has its bytes, or with that sum of an earlier one. */
void saved_run_make(struct saved_run *saved, const struct run_options *options,
		    const struct kernel_file *kernel, bool is_watched, unsigned ring);

/*
 * The one in a machine's state, which is hostile, as a copy. Returns 0 or, with a text, -ENOTSUP if there is none, or one of
 * another version, -EPROTO if what it says cannot be.
 */
int saved_run_read(const struct machine_state *state, struct saved_run *saved, struct error *err);

/* Sets the options that the run had. Their texts are those of `saved`, which must live as long. */
void saved_run_options(const struct saved_run *saved, struct run_options *options);

/* Opens the kernel's file for its symbols, if it is still the same; otherwise there are none. */
void saved_run_open_kernel(const struct saved_run *saved, struct kernel_file *kernel);

#endif
