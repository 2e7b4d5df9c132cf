/* SPDX-License-Identifier: MPL-2.0 */
/* The boot stage port: see boot_stages.h. */
#include "device/boot_stages.h"

#include <pagevisor/ports.h>

#include "base/clock.h"

static void stage_write(void *context, uint16_t offset, uint8_t value)
{
	struct boot_stages *stages = context;

	(void)offset;
	if (value < STAGE_COUNT && boot_stages_at(stages, value) == 0)
		__atomic_store_n(&stages->reached_ns[value], clock_now_ns(), __ATOMIC_RELAXED);
}

void boot_stages_attach(struct boot_stages *stages, struct io_bus *bus)
{
	*stages = (struct boot_stages){0};
	io_bus_add(bus, &(struct io_device){.first = PORT_BOOT_STAGE,
					    .count = 1,
					    .write = stage_write,
					    .context = stages});
}

uint64_t boot_stages_at(const struct boot_stages *stages, enum boot_stage stage)
{
	return __atomic_load_n(&stages->reached_ns[stage], __ATOMIC_RELAXED);
}
