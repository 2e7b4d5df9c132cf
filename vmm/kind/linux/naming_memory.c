/* SPDX-License-Identifier: MPL-2.0 */
/* The memory with the names: see naming_memory.h. As in describing_memory.c, what is read is noted: there is no second list. */
#include "kind/linux/naming_memory.h"

#include "kind/breakdown.h"
#include "kind/guest.h"
#include "kind/kind.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/shadow_memory.h"

static void note(void *own, uint64_t start, uint64_t end)
{
	page_set_add(own, paddr(start), end - start);
}

static void read_names(const struct guest *guest)
{
	/* The others need no more than what describes frames. */
	static const enum breakdown_by named[] = {BREAKDOWN_FILE, BREAKDOWN_CACHE,
						  BREAKDOWN_PROCESS, BREAKDOWN_ZONE};

	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		struct breakdown breakdown;
		struct error ignored;

		guest_breakdown(guest, named[i], UINT64_MAX, &breakdown, &ignored);
		breakdown_free(&breakdown);
	}
}

void linux_naming_memory_add(const struct guest_memory *memory, paddr_t info, open_guest *open,
			     bool has_names, struct page_set *pages)
{
	struct shadow_memory shadow;
	struct guest *guest;
	struct error ignored;

	if (shadow_memory_begin(&shadow, memory, note, pages, &ignored) < 0)
		return;
	if (open(&shadow.memory, info, &guest) == 0) {
		linux_guest_mark((struct linux_guest *)guest);
		if (has_names)
			read_names(guest);
		guest_free(guest);
	}
	shadow_memory_end(&shadow);
}
