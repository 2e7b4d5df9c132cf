/* SPDX-License-Identifier: MPL-2.0 */
/* When the guest reached which stage: told through the boot stage port, or seen by who looks on. */
#ifndef VMM_BOOT_STAGES_H
#define VMM_BOOT_STAGES_H

#include <stdint.h>

#include <pagevisor/stage.h>

#include "machine/device/io_bus.h"

struct boot_stages {
	/*
	 * CLOCK_MONOTONIC in ns when the stage was first announced, 0: not yet. Relaxed; a vCPU
	 * writes, or who looks on.
	 */
	uint64_t reached_ns[STAGE_COUNT];
};

void boot_stages_attach(struct boot_stages *stages, struct io_bus *bus);

/* The guest is found to be in a stage: it was reached now, if not before. Nonsense is ignored. */
void boot_stages_reach(struct boot_stages *stages, uint32_t stage);

/* When the stage was reached, 0 if it was not. Any thread. */
uint64_t boot_stages_at(const struct boot_stages *stages, enum boot_stage stage);

#endif
