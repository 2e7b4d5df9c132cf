/* SPDX-License-Identifier: MPL-2.0 */
/* A crafted guest whose allocator manages all the memory behind its records, for benchmarks of what the host claims. */
#ifndef TESTS_BENCH_CLAIMS_GUEST_H
#define TESTS_BENCH_CLAIMS_GUEST_H

#include <stdint.h>

#include <pagevisor/slot.h>

#include "kind/guest.h"
#include "manage/keeper.h"
#include "memory/control.h"
#include "memory/guest_memory.h"

struct claims_guest {
	struct guest_memory memory;
	int fd;
	struct guest *guest;
	struct control control;
	struct meta_slot *slots; /* of frame 0 */
	uint64_t first;          /* of the managed frames, all of them in whole windows */
	uint64_t frames;
	uint64_t free; /* of these: for whoever changes it */
};

extern struct claims_guest claims_guest;

/*
 * Makes a guest with that many managed frames, a multiple of KEEPER_BATCH, all free and none with memory. The thread is
 * registered with liburcu. Returns 0 or a negative errno.
 */
int claims_guest_create(uint64_t frames, struct error *err);
void claims_guest_destroy(void);

uint8_t *claims_guest_bytes(uint64_t frame);

#endif
