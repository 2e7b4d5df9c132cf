/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Code shared by the benchmarks of the host build: metadata over sparse memory, threads as CPUs, a process for each
 * part.
 */
#ifndef TESTS_BENCH_HOST_H
#define TESTS_BENCH_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "pagemeta/meta_init.h"

/* The memory described by the last bench_metadata_init. */
extern struct meta_array bench_array;

/*
 * Initialises metadata for `size` bytes of memory from host_memory_create, all usable except frame 0. May be repeated
 * over the same memory; the array is then mapped again. Returns false, after printing a message, if memory runs out.
 */
bool bench_metadata_init(uint64_t size);

/* Runs the function on CPUs 0 .. cpus - 1 at the same time, each a thread, and returns when all have finished. */
void bench_on_cpus(unsigned cpus, void (*function)(unsigned cpu));

/*
 * Runs the function in its own process, unaffected by what other parts left in caches, page tables and allocators.
 * Returns the function's result, the exit status. If the process cannot be started or does not exit, prints why and
 * returns 1.
 */
int bench_in_process(int (*function)(unsigned argument), unsigned argument);

/* The number of CPUs that this process may use. */
unsigned bench_cpus(void);

#endif
