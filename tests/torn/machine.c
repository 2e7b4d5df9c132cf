/* SPDX-License-Identifier: MPL-2.0 */
/* A VM for the readers: see machine.h. */
#include "torn/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/options.h>
#include <pagevisor/ports.h>
#include <pagevisor/x86.h>

#include "machine/boot/elf_load.h"
#include "machine/boot/start_info.h"
#include "kind/frame_look.h"
#include "kind/registry.h"
#include "machine/kvm/host_cpu.h"

#define MEMORY_SIZE VM_MEMORY_MIN

/* A guest that needs longer than this to boot or to end hangs. */
#define PATIENCE_MS 120000
#define POLL_MS     10

static void console_line(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "guest| %s\n", text);
}

static void exit_write(void *context, uint16_t offset, uint8_t value)
{
	struct machine *machine = context;
	const struct vm_end end = {.outcome = VM_EXITED, .exit_value = value};

	if (offset == 0)
		vm_finish(&machine->vm, &end);
}

static void attach_devices(struct machine *machine)
{
	serial_init(&machine->serial, console_line, machine);
	serial_attach(&machine->serial, &machine->vm.board.bus);
	boot_stages_attach(&machine->stages, &machine->vm.board.bus);
	io_bus_add(&machine->vm.board.bus, &(struct io_device){.first = PORT_EXIT,
							       .count = PORT_EXIT_COUNT,
							       .write = exit_write,
							       .context = machine});
	machine->vm.board.symbols = &machine->kernel.symbols;
}

static int load_guest(struct machine *machine, const struct machine_options *options,
		      struct error *err)
{
	char line[COMMAND_LINE_SIZE];
	paddr_t start_info;

	snprintf(line, sizeof(line),
		 OPTION_RING "=%d " OPTION_TSC_KHZ "=%" PRIu64 " " OPTION_WORKLOAD
			     "=torn " OPTION_SEED "=%" PRIu64 " frames=%u",
		 host_cpu_runs_ring0() ? 0 : RING_USER, vm_tsc_khz(&machine->vm), options->seed,
		 options->frames);
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&machine->vm.memory);
	int result = elf_load(&machine->kernel.image, map, err);

	if (result == 0)
		result = start_info_write(map, MEMORY_SIZE, line, options->cpus, &start_info, err);
	guest_memory_read_end();
	if (result == 0)
		result = vm_set_entry(&machine->vm, machine->kernel.image.pvh_entry, start_info,
				      err);
	return result;
}

bool machine_has_ended(const struct machine *machine, int ms)
{
	struct pollfd fd = {.fd = machine->vm.board.end.fd, .events = POLLIN};

	return poll(&fd, 1, ms) > 0;
}

static int wait_until_running(struct machine *machine, struct error *err)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
		int result = torn_guest_look(&machine->guest, &machine->vm.memory,
					     machine->kernel.image.info_pa, err);

		if (result != -EAGAIN)
			return result;
		if (machine_has_ended(machine, POLL_MS))
			return error_set(err, -EPROTO, "the guest ended before its workload ran");
	}
	return error_set(err, -ETIMEDOUT, "the guest had not booted after %d s",
			 PATIENCE_MS / 1000);
}

/* Called once the VM exists. */
static int boot(struct machine *machine, const struct machine_options *options, struct error *err)
{
	attach_devices(machine);
	int result = load_guest(machine, options, err);

	if (result == 0)
		result = vm_start(&machine->vm, err);
	if (result < 0)
		return result;
	result = wait_until_running(machine, err);
	if (result < 0)
		vm_stop(&machine->vm);
	return result;
}

int machine_start(struct machine *machine, const struct machine_options *options, struct error *err)
{
	int result = kernel_file_open(&machine->kernel, options->kernel, err);

	if (result < 0)
		return result;
	result = vm_create(&machine->vm, MEMORY_SIZE, options->cpus, err);
	if (result == 0) {
		result = boot(machine, options, err);
		if (result < 0)
			vm_destroy(&machine->vm);
	}
	if (result < 0)
		kernel_file_close(&machine->kernel);
	return result;
}

/* Called after the guest has finished, with its vCPUs stopped. */
static int audit(const struct machine *machine, struct error *err)
{
	const struct guest_hints hints = {.has_info = true, .info = machine->kernel.image.info_pa};
	struct guest *guest;
	struct facts counters;
	struct findings findings;
	struct frame_tally tally;
	char text[256];
	int result = guest_find(&machine->vm.memory, &hints, &guest, err);

	if (result < 0)
		return result;
	if (guest->progress != GUEST_FINISHED || guest_tally(guest, &tally, &findings) < 0 ||
	    guest_counters(guest, &counters) < 0)
		result = error_set(err, -EPROTO, "the guest's counts could not be read at its end");
	else
		guest_audit(guest, &tally, &findings);
	guest_free(guest);
	if (result < 0 || findings.total == 0)
		return result;
	finding_format(&findings.list[0], text, sizeof(text));
	return error_set(err, -EPROTO, "%" PRIu64 " findings at the end, the first: %s",
			 findings.total, text);
}

int machine_stop(struct machine *machine, struct error *err)
{
	paddr_t written;
	uint64_t length;

	guest_ask_to_stop(&machine->guest.own.guest, &written, &length);
	bool in_time = machine_has_ended(machine, PATIENCE_MS);
	const struct vm_end *end = vm_stop(&machine->vm);
	int result;

	if (!in_time)
		result = error_set(err, -EPROTO, "the guest did not end when it was asked to");
	else if (end->outcome != VM_EXITED)
		result = error_set(err, -EPROTO, "the guest failed: %.400s", end->text.text);
	else if (end->exit_value != GUEST_EXIT_OK)
		result = error_set(err, -EPROTO, "the guest ended with %#x", end->exit_value);
	else
		result = audit(machine, err);
	serial_flush(&machine->serial);
	vm_destroy(&machine->vm);
	kernel_file_close(&machine->kernel);
	return result;
}
