/* SPDX-License-Identifier: MPL-2.0 */
/* All kinds of guests, and functions that ask each of them. */
#ifndef VMM_KIND_REGISTRY_H
#define VMM_KIND_REGISTRY_H

#include "kind/console_report.h"
#include "kind/guest.h"
#include "memory/page_set.h"
#include "memory/ranges.h"

/* Ends with NULL. It is in registry_table.c, the only place that knows the kinds by name. */
extern const struct kind *const all_kinds[];

/*
 * Finds the guest in a memory. If several may be alive, it does not guess: the caller has to choose. Returns 0; -EAGAIN
 * if it may be booting; -ENODATA if there is none of a known kind; -ENOTUNIQ if there are several; -EPROTO, with a
 * text, if what it reports about itself cannot be true; or the error of reading. *guest is freed with guest_free.
 */
int guest_find(const struct guest_memory *memory, const struct guest_hints *hints,
	       struct guest **guest, struct error *err);

/*
 * Refreshes *guest, or finds it if it is NULL. Returns as guest_refresh or guest_find; *guest is changed by 0 of the
 * latter alone.
 */
int guest_find_or_refresh(const struct guest_memory *memory, const struct guest_hints *hints,
			  struct guest **guest, struct error *err);

/*
 * Locates a guest of any kind in a memory of which only the low part is sure to be right. Returns as `locate` of the
 * first kind that finds one.
 */
int guest_locate(const struct guest_memory *memory, const struct guest_hints *hints,
		 struct guest_place *place, struct error *err);

/* Passes a line of a guest's console to every kind: the guest's own may not be known yet. */
void guest_read_console(struct console_report *report, const char *line);

/* Adds the memory that describes the frames of a guest of any kind: see a kind's describing_memory. */
void guest_describing_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			     struct memory_ranges *ranges);

/* Adds what tells its guest's frames apart, and what names them: see a kind's naming_memory. */
void guest_naming_memory(const struct guest_memory *memory, const struct guest_hints *hints,
			 bool has_names, struct page_set *pages);

#endif
