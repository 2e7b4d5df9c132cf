/* SPDX-License-Identifier: MPL-2.0 */
/* When the guest reached each boot stage, as reported through the boot stage port or seen by an observer. */
#ifndef VMM_BOOT_STAGES_H
#define VMM_BOOT_STAGES_H

#include <stdint.h>

#include <pagevisor/stage.h>

#include "machine/device/io_bus.h"

struct boot_stages {
	/*
	 * CLOCK_MONOTONIC in ns when the stage was first reported; 0: not yet. Relaxed; written by a vCPU or by an
	 * observer.
	 */
	uint64_t reached_ns[STAGE_COUNT];
};

void boot_stages_attach(struct boot_stages *stages, struct io_bus *bus);

/* Records that the guest is in a stage: the first time, the stage was reached now. Invalid stages are ignored. */
void boot_stages_reach(struct boot_stages *stages, uint32_t stage);

/* When the stage was reached; 0: not yet. Any thread. */
uint64_t boot_stages_at(const struct boot_stages *stages, enum boot_stage stage);

/* How long ago each stage was reached, in ns, and at least 1; 0: not yet. The clock may be another one where it is loaded. */
struct boot_stages_state {
	uint64_t ago_ns[STAGE_COUNT];
};

/* Any thread. */
void boot_stages_save(const struct boot_stages *stages, struct boot_stages_state *state);

/* Before the guest runs. What this clock cannot say was reached when it began. */
void boot_stages_load(struct boot_stages *stages, const struct boot_stages_state *state);

#endif
