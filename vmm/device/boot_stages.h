/* SPDX-License-Identifier: MPL-2.0 */
/* The boot stage port: when the guest reached which stage. */
#ifndef VMM_BOOT_STAGES_H
#define VMM_BOOT_STAGES_H

#include <stdint.h>

#include <pagevisor/info.h>

#include "device/io_bus.h"

struct boot_stages {
	/*
	 * CLOCK_MONOTONIC in ns when the stage was first announced, 0: not yet. Relaxed; a vCPU
	 * writes.
	 */
	uint64_t reached_ns[STAGE_COUNT];
};

void boot_stages_attach(struct boot_stages *stages, struct io_bus *bus);

/* When the stage was reached, 0 if it was not. Any thread. */
uint64_t boot_stages_at(const struct boot_stages *stages, enum boot_stage stage);

#endif
