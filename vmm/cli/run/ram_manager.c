/* SPDX-License-Identifier: MPL-2.0 */
/* The manager of the guest's memory, as `run` has it: see ram_manager.h. */
#include "cli/run/ram_manager.h"

#include <stdio.h>
#include <unistd.h>

static void not_managed(struct terminal *terminal, const struct error *err)
{
	char text[sizeof(struct error)];

	snprintf(text, sizeof(text), "nobody manages this VM's memory: %.400s", err->text);
	terminal_problem(terminal, text);
}

static void ring(void *manager)
{
	manager_ring(manager);
}

void ram_manager_open(struct ram_manager *ram, struct engine *engine, paddr_t info,
		      struct terminal *terminal)
{
	const struct guest_hints hints = {.has_info = true, .info = info};
	struct error err;
	/* QEMU asks for huge pages for all RAM. */
	int result = manager_init(&ram->manager, engine->memory, engine->memory_fd,
				  &engine->control, &hints, engine->accel == ACCEL_KVM,
				  engine->accel != ACCEL_KVM, &err);

	ram->is_there = result == 0;
	if (ram->is_there) {
		ram->management = manager_management(&ram->manager);
		engine->bell = (struct engine_bell){ring, &ram->manager};
	} else {
		not_managed(terminal, &err);
	}
}

const struct control *ram_manager_control(const struct ram_manager *ram,
					  const struct engine *engine)
{
	return ram->is_there ? &ram->manager.control : &engine->control;
}

const struct management *ram_manager_management(const struct ram_manager *ram)
{
	return ram->is_there ? &ram->management : NULL;
}

void ram_manager_start(struct ram_manager *ram, uint64_t target, uint64_t headroom,
		       struct terminal *terminal)
{
	const struct management_order order = {
		.action = MANAGEMENT_TARGET,
		.bytes = target,
		.older_ns = MANAGER_OLDER_NS,
		.headroom = headroom,
		.pid = (uint32_t)getpid(),
	};
	struct error err;
	uint64_t ticket;

	if (!ram->is_there)
		return;
	if (manager_start(&ram->manager, &err) < 0)
		not_managed(terminal, &err);
	else if (target)
		ram->management.ops->order(ram->management.own, &order, &ticket);
}

void ram_manager_stop(struct ram_manager *ram)
{
	if (ram->is_there)
		manager_stop(&ram->manager);
}

void ram_manager_close(struct ram_manager *ram)
{
	if (ram->is_there)
		manager_destroy(&ram->manager);
	ram->is_there = false;
}
