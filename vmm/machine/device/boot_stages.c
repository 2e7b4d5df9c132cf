/* SPDX-License-Identifier: MPL-2.0 */
/* The boot stage port: see boot_stages.h. */
#include "machine/device/boot_stages.h"

#include <pagevisor/ports.h>

#include "base/clock.h"

void boot_stages_reach(struct boot_stages *stages, uint32_t stage)
{
	if (stage > STAGE_NONE && stage < STAGE_COUNT && boot_stages_at(stages, stage) == 0)
		__atomic_store_n(&stages->reached_ns[stage], clock_now_ns(), __ATOMIC_RELAXED);
}

static void stage_write(void *context, uint16_t offset, uint8_t value)
{
	(void)offset;
	boot_stages_reach(context, value);
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

void boot_stages_save(const struct boot_stages *stages, struct boot_stages_state *state)
{
	const uint64_t now = clock_now_ns();

	*state = (struct boot_stages_state){0};
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		const uint64_t at = boot_stages_at(stages, i);

		if (at)
			state->ago_ns[i] = now > at ? now - at : 1;
	}
}

void boot_stages_load(struct boot_stages *stages, const struct boot_stages_state *state)
{
	const uint64_t now = clock_now_ns();

	for (unsigned i = 0; i < STAGE_COUNT; i++)
		if (state->ago_ns[i])
			stages->reached_ns[i] = state->ago_ns[i] < now ? now - state->ago_ns[i] : 1;
}
