/* SPDX-License-Identifier: MPL-2.0 */
/* What the benchmarks of the host build share: metadata over sparse memory, threads as CPUs, a process for each part. */
#ifndef TESTS_BENCH_HOST_H
#define TESTS_BENCH_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "pagemeta/meta_init.h"

/* The memory that bench_metadata_init described last. */
extern struct meta_array bench_array;

/*
 * The metadata of `size` bytes that host_memory_create made: all usable but frame 0. May be done again over the same
 * memory; the array is then mapped anew. False, and said so, when there is no memory for it.
 */
bool bench_metadata_init(uint64_t size);

/* Runs the function on CPUs 0 .. cpus - 1, each a thread, at the same time and returns when all have. */
void bench_on_cpus(unsigned cpus, void (*function)(unsigned cpu));

/*
 * Runs the function in a process of its own, so that it finds nothing that another part left in caches, page tables
 * and allocators. Returns what it returned, the exit status; 1, and said so, when it did not get that far.
 */
int bench_in_process(int (*function)(unsigned argument), unsigned argument);

#endif
