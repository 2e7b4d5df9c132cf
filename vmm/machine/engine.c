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

int engine_start(struct engine *engine, struct error *err)
{
	return engine->ops->start(engine, err);
}

int engine_pause(struct engine *engine)
{
	return engine->ops->pause(engine);
}

void engine_resume(struct engine *engine)
{
	engine->ops->resume(engine);
}

int engine_dirty_start(struct engine *engine)
{
	return engine->ops->dirty_start ? engine->ops->dirty_start(engine) : -ENOTSUP;
}

int engine_dirty_read(struct engine *engine, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits)
{
	if (!engine->ops->dirty_read)
		return -ENOTSUP;
	return engine->ops->dirty_read(engine, reader, fetch, base, pages, bits);
}

void engine_dirty_stop(struct engine *engine, int reader)
{
	if (engine->ops->dirty_stop)
		engine->ops->dirty_stop(engine, reader);
}

void engine_host_wrote(struct engine *engine, paddr_t base, uint64_t length)
{
	if (engine->ops->host_wrote)
		engine->ops->host_wrote(engine, base, length);
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
