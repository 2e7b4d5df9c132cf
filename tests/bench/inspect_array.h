/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Input of the inspection benchmarks: the metadata array of a guest that does not run, crafted in a memfd at full size,
 * with a dirty log of what the benchmark wrote.
 */
#ifndef TESTS_BENCH_INSPECT_ARRAY_H
#define TESTS_BENCH_INSPECT_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/pagevisor/pagevisor_guest.h"
#include "memory/control.h"
#include "memory/guest_memory.h"

struct bench_guest {
	struct guest_memory memory; /* mapped read-only, as by an inspector */
	struct control control;     /* its dirty log */
	struct pagevisor_guest own;
	int fd;
	uint64_t size;           /* of the array, in bytes */
	uint64_t pages;          /* of the array */
	struct meta_slot *slots; /* writable, as the guest maps them */
	uint64_t *dirty;         /* one bit for each page */
};

/*
 * A guest with `memory` bytes of RAM. Of each 1000 frames `in_use` are in use, spread at random; the array's own frames
 * are marked as such. Returns false, after printing a message, if memory runs out.
 */
bool bench_guest_make(struct bench_guest *guest, uint64_t memory, unsigned in_use);
void bench_guest_free(struct bench_guest *guest);

/* Writes to `count` pages of the array, chosen at random: in each, one slot gains or loses a reference. */
void bench_guest_dirty(struct bench_guest *guest, uint64_t count);

/* Drives the array out of the CPU's caches. */
void bench_guest_make_cold(const struct bench_guest *guest);

#endif
