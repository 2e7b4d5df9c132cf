/* SPDX-License-Identifier: MPL-2.0 */
/* What inspectors may ask of a VM: see vm_control.h. */
#include "cli/vm_control.h"

#include "kvm/vm.h"

static int control_pause(void *context)
{
	return vm_pause(context);
}

static void control_resume(void *context)
{
	vm_resume(context);
}

static int control_dirty_start(void *context)
{
	struct vm *vm = context;
	struct error ignored;

	return dirty_log_start(&vm->dirty, &ignored);
}

static int control_dirty_read(void *context, int reader, bool fetch, paddr_t base, uint64_t pages,
			      uint64_t *bits)
{
	struct vm *vm = context;
	struct error ignored;

	return dirty_log_read(&vm->dirty, reader, fetch, base, pages, bits, &ignored);
}

static void control_dirty_stop(void *context, int reader)
{
	struct vm *vm = context;

	dirty_log_stop(&vm->dirty, reader);
}

const struct attach_control vm_control = {
	.pause = control_pause,
	.resume = control_resume,
	.dirty_start = control_dirty_start,
	.dirty_read = control_dirty_read,
	.dirty_stop = control_dirty_stop,
};
