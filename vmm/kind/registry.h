/* SPDX-License-Identifier: MPL-2.0 */
/* All kinds of guests there are, and what asks all of them. */
#ifndef VMM_KIND_REGISTRY_H
#define VMM_KIND_REGISTRY_H

#include "kind/console_report.h"
#include "kind/guest.h"
#include "memory/ranges.h"

/* Ends with NULL: registry_table.c, the one place that knows the kinds by name. */
extern const struct kind *const all_kinds[];

/*
 * Finds the guest in a memory. Several that may be alive are no guess: the caller has to say which. Returns 0; -EAGAIN,
 * it may be booting; -ENODATA, none of a known kind is there; -ENOTUNIQ, there are several; -EPROTO, with a text, what
 * it says of itself cannot be true; or what reading said. guest_free frees *guest.
 */
int guest_find(const struct guest_memory *memory, const struct guest_hints *hints,
	       struct guest **guest, struct error *err);

/*
 * Locates a guest of any kind in a memory of which only the low part is sure to be right. Returns as a kind's `locate`,
 * of the first that has one.
 */
int guest_locate(const struct guest_memory *memory, const struct guest_hints *hints,
		 struct guest_place *place, struct error *err);

/* Has all kinds look at a line of a guest's console: which kind the guest is of may not be known yet. */
void guest_read_console(struct console_report *report, const char *line);

/* Adds the memory that describes the frames of a guest of any kind: see a kind's describing_memory. */
void guest_describing_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			     struct memory_ranges *ranges);

#endif
