/* SPDX-License-Identifier: MPL-2.0 */
/* Our VMM on KVM as an engine: see kvm_engine.h. */
#include "machine/kvm/kvm_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "base/clock.h"
#include "machine/boot/elf_load.h"
#include "machine/boot/start_info.h"
#include "machine/kvm/state_parts.h"
#include "machine/kvm/vm.h"
#include "machine/kvm/vm_state.h"

struct kvm_engine {
	struct engine base; /* first: operations get this pointer */
	struct vm vm;
	bool is_paused;          /* used by whoever pauses */
	uint64_t paused_from_ns; /* start of the last pause */
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

static int pause_vcpus(void *own, struct error *err)
{
	struct kvm_engine *engine = own;
	uint64_t now = clock_now_ns();
	int result = vm_pause(&engine->vm);

	if (result < 0)
		return error_set(err, result, "cannot pause the vCPUs: %s", strerror(-result));
	engine->is_paused = true;
	engine->paused_from_ns = now;
	return 0;
}

static int resume(void *own, uint64_t *paused_ns, struct error *err)
{
	struct kvm_engine *engine = own;

	(void)err;
	engine->is_paused = false;
	*paused_ns = clock_now_ns() - engine->paused_from_ns;
	vm_resume(&engine->vm);
	return 0;
}

static struct dirty_log *log_of(void *own)
{
	return &((struct kvm_engine *)own)->vm.dirty;
}

static int dirty_start(void *own, struct error *err)
{
	return dirty_log_start(log_of(own), err);
}

static int dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
		      uint64_t *bits, struct error *err)
{
	return dirty_log_read(log_of(own), reader, fetch, base, pages, bits, err);
}

static void dirty_stop(void *own, int reader)
{
	dirty_log_stop(log_of(own), reader);
}

static void host_wrote(void *own, paddr_t base, uint64_t length)
{
	dirty_log_host_wrote(log_of(own), base, length);
}

static int add_devices(struct engine *engine, struct machine_state *state, struct error *err)
{
	struct serial_state serial;
	struct boot_stages_state stages;

	serial_save(&engine->serial, &serial);
	boot_stages_save(&engine->stages, &stages);
	int result = machine_state_add(state, STATE_SERIAL, 0, &serial, sizeof(serial), err);

	if (result == 0)
		result = machine_state_add(state, STATE_STAGES, 0, &stages, sizeof(stages), err);
	if (result == 0 && engine->memo.bytes)
		result = machine_state_add(state, MACHINE_PART_RUN, 0, engine->memo.bytes,
					   engine->memo.size, err);
	return result;
}

static int machine_state(void *own, struct machine_state *state, struct error *err)
{
	struct kvm_engine *engine = own;

	if (!engine->is_paused)
		return error_set(err, -ETIME, "the guest is not paused");
	int result = vm_state_get(&engine->vm, state, err);

	return result < 0 ? result : add_devices(&engine->base, state, err);
}

static int load_state(struct engine *engine, const struct machine_state *state, struct error *err)
{
	const struct serial_state *serial =
		machine_part_find(state, STATE_SERIAL, 0, sizeof(*serial));
	const struct boot_stages_state *stages =
		machine_part_find(state, STATE_STAGES, 0, sizeof(*stages));

	if (!serial || !serial_state_is_valid(serial) || !stages)
		return error_set(err, -EPROTO, "the state of its devices is missing or damaged");
	int result = vm_state_set(vm_of(engine), state, err);

	if (result < 0)
		return result;
	serial_load(&engine->serial, serial);
	boot_stages_load(&engine->stages, stages);
	return 0;
}

static const struct control_ops control = {
	.pause = pause_vcpus,
	.resume = resume,
	.dirty_start = dirty_start,
	.dirty_read = dirty_read,
	.dirty_stop = dirty_stop,
	.host_wrote = host_wrote,
	.machine_state = machine_state,
};

static const struct vm_end *stop(struct engine *engine)
{
	const struct vm_end *end = vm_stop(vm_of(engine));

	if (!engine->is_saved)
		serial_flush(&engine->serial);
	return end;
}

static uint64_t stray_accesses(const struct engine *engine)
{
	return ((const struct kvm_engine *)engine)->vm.board.stray_accesses;
}

static void destroy(struct engine *engine)
{
	vm_destroy(vm_of(engine));
	free(engine);
}

static const struct engine_ops ops = {
	.tsc_khz = tsc_khz,
	.load = load,
	.load_state = load_state,
	.start = start,
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

static void bell_write(void *context, uint16_t offset, uint8_t value)
{
	const struct engine_bell *bell = &((const struct engine *)context)->bell;

	(void)offset;
	(void)value;
	if (bell->ring)
		bell->ring(bell->context);
}

static void attach_devices(struct kvm_engine *own, const struct engine_options *options)
{
	serial_init(&own->base.serial, options->console, options->context);
	serial_limit(&own->base.serial, options->console_rate);
	serial_attach(&own->base.serial, &own->vm.board.bus);
	boot_stages_attach(&own->base.stages, &own->vm.board.bus);
	io_bus_add(&own->vm.board.bus, &(struct io_device){.first = PORT_EXIT,
							   .count = PORT_EXIT_COUNT,
							   .write = exit_write,
							   .context = &own->vm});
	io_bus_add(&own->vm.board.bus, &(struct io_device){.first = PORT_KEEPER_BELL,
							   .count = 1,
							   .write = bell_write,
							   .context = &own->base});
	own->vm.board.note = options->note;
	own->vm.board.note_context = options->context;
	own->vm.board.symbols = options->symbols;
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
	own->base.control = (struct control){&control, own, "the guest"};
	own->base.memory_fd = own->vm.memory_fd;
	own->base.end_fd = own->vm.board.end.fd;
	own->image = options->image;
	own->memory = options->memory;
	own->cpus = options->cpus;
	attach_devices(own, options);
	*engine = &own->base;
	return 0;
}
