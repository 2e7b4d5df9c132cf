/* SPDX-License-Identifier: MPL-2.0 */
/* The guest's answers in its mailbox (pagevisor/mailbox.h): what it left behind in a panic, and how far it is with its metadata. */
#ifndef VMM_GUEST_ANSWERS_H
#define VMM_GUEST_ANSWERS_H

#include "kind/pagevisor/guest_view.h"
#include "kind/panic.h"
#include "memory/guest_memory.h"

/* As guest_panic_read. */
int answers_read_panic(const struct guest_view *view, const struct guest_memory *memory,
		       struct guest_panic *panic);

/* As guest_boot_progress. */
int answers_read_progress(const struct guest_view *view, const struct guest_memory *memory,
			  uint64_t *done, uint64_t *total);

#endif
