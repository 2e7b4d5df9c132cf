/* SPDX-License-Identifier: MPL-2.0 */
/* What all vCPUs of a VM share. */
#ifndef VMM_BOARD_H
#define VMM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/elf/symbols.h"
#include "machine/device/io_bus.h"
#include "machine/kvm/pause.h"
#include "machine/vm_end.h"

struct board {
	int kvm_fd;
	int vm_fd;
	unsigned cpu_count;
	struct io_bus bus;
	const struct symbols *symbols; /* of the kernel, for messages */
	struct vm_pause pause;
	bool stopping; /* release store by vm_stop, acquire load by the vCPU threads */
	struct end_latch end;

	/* Reports one line about something odd that the guest survived; called by vCPU threads. */
	void (*note)(void *context, const char *text);
	void *note_context;
	uint64_t stray_accesses; /* to ports and addresses without a device; relaxed */
};

#endif
