/* SPDX-License-Identifier: MPL-2.0 */
/* The manager of the guest's memory, as `run` has it: a VM that cannot have one still runs. */
#ifndef VMM_RUN_RAM_MANAGER_H
#define VMM_RUN_RAM_MANAGER_H

#include <stdbool.h>

#include "machine/engine.h"
#include "manage/manager.h"
#include "view/terminal.h"

struct ram_manager {
	struct manager manager;
	struct management management;
	bool is_there;
};

/* Before the process is confined. `info` is where the kernel's ELF note says the info page is. */
void ram_manager_open(struct ram_manager *ram, struct engine *engine, paddr_t info,
		      struct terminal *terminal);

/*
 * The control for everybody but the engine, and who takes orders; NULL: nobody does. Of one that was never opened,
 * too.
 */
const struct control *ram_manager_control(const struct ram_manager *ram,
					  const struct engine *engine);
const struct management *ram_manager_management(const struct ram_manager *ram);

/*
 * Starts its thread; `target` is how many bytes the guest is to have, 0: all of them; `headroom` how many of the free ones
 * it keeps.
 */
void ram_manager_start(struct ram_manager *ram, uint64_t target, uint64_t headroom,
		       struct terminal *terminal);

/* In this order, whatever of the above was called. */
void ram_manager_stop(struct ram_manager *ram);
void ram_manager_close(struct ram_manager *ram);

#endif
