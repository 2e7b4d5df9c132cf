/* SPDX-License-Identifier: MPL-2.0 */
/* What runs a guest: see engine.h. */
#include "machine/engine.h"

#include <errno.h>

uint64_t engine_tsc_khz(struct engine *engine)
{
	return engine->ops->tsc_khz ? engine->ops->tsc_khz(engine) : 0;
}

int engine_load(struct engine *engine, const char *command_line, struct error *err)
{
	return engine->ops->load(engine, command_line, err);
}

int engine_load_state(struct engine *engine, const struct machine_state *state, struct error *err)
{
	if (!engine->ops->load_state)
		return error_set(err, -ENOTSUP,
				 "a guest of QEMU is saved and loaded by QEMU: migrate");
	return engine->ops->load_state(engine, state, err);
}

int engine_start(struct engine *engine, struct error *err)
{
	return engine->ops->start(engine, err);
}

const struct vm_end *engine_stop(struct engine *engine)
{
	return engine->ops->stop(engine);
}

bool engine_stray_accesses(const struct engine *engine, uint64_t *count)
{
	if (!engine->ops->stray_accesses)
		return false;
	*count = engine->ops->stray_accesses(engine);
	return true;
}

uint64_t engine_overhead(const struct engine *engine)
{
	return engine->ops->overhead ? engine->ops->overhead(engine) : 0;
}

void engine_destroy(struct engine *engine)
{
	engine->ops->destroy(engine);
}
