/* SPDX-License-Identifier: MPL-2.0 */
/* What inspectors may ask of a VM: see vm_control.h. */
#include "cli/run/vm_control.h"

#include "machine/engine.h"

static int control_pause(void *context)
{
	return engine_pause(context);
}

static void control_resume(void *context)
{
	engine_resume(context);
}

static int control_dirty_start(void *context)
{
	return engine_dirty_start(context);
}

static int control_dirty_read(void *context, int reader, bool fetch, paddr_t base, uint64_t pages,
			      uint64_t *bits)
{
	return engine_dirty_read(context, reader, fetch, base, pages, bits);
}

static void control_dirty_stop(void *context, int reader)
{
	engine_dirty_stop(context, reader);
}

const struct attach_control vm_control = {
	.pause = control_pause,
	.resume = control_resume,
	.dirty_start = control_dirty_start,
	.dirty_read = control_dirty_read,
	.dirty_stop = control_dirty_stop,
};
