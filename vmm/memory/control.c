/* SPDX-License-Identifier: MPL-2.0 */
/* The functions that callers use to control a guest: see control.h. */
#include "memory/control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The operations of a guest at rest, or of one that offers none. */
static const struct control_ops nothing;

static const struct control_ops *ops_of(const struct control *control)
{
	return control && control->ops ? control->ops : &nothing;
}

static int lacks(const struct control *control, const char *what, struct error *err)
{
	return error_set(err, -ENOTSUP, "%s %s", control ? control->name : "a guest at rest", what);
}

bool control_can_pause(const struct control *control)
{
	return ops_of(control)->pause;
}

bool control_has_dirty_log(const struct control *control)
{
	return ops_of(control)->dirty_start;
}

int control_pause(const struct control *control, struct error *err)
{
	return control_can_pause(control) ? control->ops->pause(control->own, err)
					  : lacks(control, "cannot be paused", err);
}

int control_resume(const struct control *control, uint64_t *paused_ns, struct error *err)
{
	*paused_ns = 0;
	return control_can_pause(control) ? control->ops->resume(control->own, paused_ns, err)
					  : lacks(control, "cannot be paused", err);
}

int control_holder(const struct control *control, struct pause_holder *holder, struct error *err)
{
	*holder = (struct pause_holder){0};
	return ops_of(control)->holder ? control->ops->holder(control->own, holder, err)
				       : lacks(control, "cannot report who paused it", err);
}

int control_dirty_start(const struct control *control, struct error *err)
{
	return control_has_dirty_log(control) ? control->ops->dirty_start(control->own, err)
					      : lacks(control, "has no dirty log", err);
}

int control_dirty_read(const struct control *control, int reader, bool fetch, paddr_t base,
		       uint64_t pages, uint64_t *bits, struct error *err)
{
	if (!control_has_dirty_log(control))
		return lacks(control, "has no dirty log", err);
	memset(bits, 0, (pages + 63) / 64 * sizeof(*bits));
	return control->ops->dirty_read(control->own, reader, fetch, base, pages, bits, err);
}

void control_dirty_stop(const struct control *control, int reader)
{
	if (control_has_dirty_log(control))
		control->ops->dirty_stop(control->own, reader);
}

void control_host_wrote(const struct control *control, paddr_t base, uint64_t length)
{
	if (ops_of(control)->host_wrote)
		control->ops->host_wrote(control->own, base, length);
}

bool control_has_machine_state(const struct control *control)
{
	return ops_of(control)->machine_state;
}

int control_machine_state(const struct control *control, struct machine_state *state,
			  struct error *err)
{
	return ops_of(control)->machine_state
		       ? control->ops->machine_state(control->own, state, err)
		       : lacks(control, "does not give the registers of its vCPUs", err);
}
