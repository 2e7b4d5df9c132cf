/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Counts what a VM of this process costs its host: each return of KVM_RUN, which passes through this file, and what KVM
 * counts itself, where it does (KVM api.rst, KVM_GET_STATS_FD; Linux 5.14).
 */
#ifndef TESTS_BENCH_EXITS_COUNTS_H
#define TESTS_BENCH_EXITS_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

struct exits_counts {
	uint64_t returns; /* of KVM_RUN to the VMM, for whatever reason */
	uint64_t bells;   /* of these: the guest rings for memory */
	/* KVM's own, of all vCPUs; only if exits_are_counted_by_kvm. */
	uint64_t kvm_exits;
	uint64_t tlb_flushes; /* of other CPUs */
};

/* As they are now. */
struct exits_counts exits_counts_read(void);

/* Whether KVM counts both itself. */
bool exits_are_counted_by_kvm(void);

#endif
