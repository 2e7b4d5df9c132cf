/* SPDX-License-Identifier: MPL-2.0 */
/* Our VMM on KVM as an engine: see kvm_engine.h. */
#include "machine/kvm/kvm_engine.h"

#include <errno.h>
#include <stdlib.h>

#include <pagevisor/ports.h>

#include "machine/boot/elf_load.h"
#include "machine/boot/start_info.h"
#include "machine/kvm/vm.h"

struct kvm_engine {
	struct engine base; /* first: operations are given this */
	struct vm vm;
	const struct elf_image *image;
	uint64_t memory;
	unsigned cpus;
};

static struct vm *vm_of(struct engine *engine)
{
	return &((struct kvm_engine *)engine)->vm;
}

static uint64_t tsc_khz(struct engine *engine)
{
	return vm_tsc_khz(vm_of(engine));
}

static int load(struct engine *engine, const char *command_line, struct error *err)
{
	struct kvm_engine *own = (struct kvm_engine *)engine;
	paddr_t start_info;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&own->vm.memory);
	int result = elf_load(own->image, map, err);

	if (result == 0)
		result = start_info_write(map, own->memory, command_line, own->cpus, &start_info,
					  err);
	guest_memory_read_end();
	if (result == 0)
		result = vm_set_entry(&own->vm, own->image->pvh_entry, start_info, err);
	return result;
}

static int start(struct engine *engine, struct error *err)
{
	return vm_start(vm_of(engine), err);
}

static int pause_vcpus(struct engine *engine)
{
	return vm_pause(vm_of(engine));
}

static void resume(struct engine *engine)
{
	vm_resume(vm_of(engine));
}

static int dirty_start(struct engine *engine)
{
	struct error ignored;

	return dirty_log_start(&vm_of(engine)->dirty, &ignored);
}

static int dirty_read(struct engine *engine, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits)
{
	struct error ignored;

	return dirty_log_read(&vm_of(engine)->dirty, reader, fetch, base, pages, bits, &ignored);
}

static void dirty_stop(struct engine *engine, int reader)
{
	dirty_log_stop(&vm_of(engine)->dirty, reader);
}

static void host_wrote(struct engine *engine, paddr_t base, uint64_t length)
{
	dirty_log_host_wrote(&vm_of(engine)->dirty, base, length);
}

static const struct vm_end *stop(struct engine *engine)
{
	const struct vm_end *end = vm_stop(vm_of(engine));

	serial_flush(&engine->serial);
	return end;
}

static uint64_t stray_accesses(const struct engine *engine)
{
	return ((const struct kvm_engine *)engine)->vm.stray_accesses;
}

static void destroy(struct engine *engine)
{
	vm_destroy(vm_of(engine));
	free(engine);
}

static const struct engine_ops ops = {
	.tsc_khz = tsc_khz,
	.load = load,
	.start = start,
	.pause = pause_vcpus,
	.resume = resume,
	.dirty_start = dirty_start,
	.dirty_read = dirty_read,
	.dirty_stop = dirty_stop,
	.host_wrote = host_wrote,
	.stop = stop,
	.stray_accesses = stray_accesses,
	.destroy = destroy,
};

static void exit_write(void *context, uint16_t offset, uint8_t value)
{
	const struct vm_end end = {.outcome = VM_EXITED, .exit_value = value};

	if (offset == 0)
		vm_finish(context, &end);
}

static void attach_devices(struct kvm_engine *own, const struct engine_options *options)
{
	serial_init(&own->base.serial, options->console, options->context);
	serial_attach(&own->base.serial, &own->vm.bus);
	boot_stages_attach(&own->base.stages, &own->vm.bus);
	io_bus_add(&own->vm.bus, &(struct io_device){.first = PORT_EXIT,
						     .count = PORT_EXIT_COUNT,
						     .write = exit_write,
						     .context = &own->vm});
	own->vm.note = options->note;
	own->vm.note_context = options->context;
	own->vm.symbols = options->symbols;
}

int kvm_engine_create(struct engine **engine, const struct engine_options *options,
		      struct error *err)
{
	struct kvm_engine *own = calloc(1, sizeof(*own));

	if (!own)
		return error_set(err, -ENOMEM, "no memory for a VM");
	int result = vm_create(&own->vm, options->memory, options->cpus, err);

	if (result < 0) {
		free(own);
		return result;
	}
	own->base.ops = &ops;
	own->base.accel = options->accel;
	own->base.memory = &own->vm.memory;
	own->base.memory_fd = own->vm.memory_fd;
	own->base.end_fd = own->vm.end.fd;
	own->image = options->image;
	own->memory = options->memory;
	own->cpus = options->cpus;
	attach_devices(own, options);
	*engine = &own->base;
	return 0;
}
