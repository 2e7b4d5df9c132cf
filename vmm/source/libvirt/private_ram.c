/* SPDX-License-Identifier: MPL-2.0 */
/* A domain's private RAM: see private_ram.h. */
#include "source/libvirt/private_ram.h"

#include <stdlib.h>

#include "source/qemu/ram_search.h"

void private_ram_open(struct private_ram *own, uint32_t pid)
{
	struct error ignored;

	*own = (struct private_ram){0};
	own->is_open = qemu_peer_open(&own->peer, pid, &ignored) == 0;
}

int private_ram_find(struct private_ram *own, struct guest_memory *memory,
		     struct guest_hints *hints, struct error *err)
{
	struct peer_mappings mappings;
	int result = qemu_peer_mappings(&own->peer, &mappings, err);

	if (result < 0)
		return result;
	result = guest_memory_init(memory, err);
	if (result == 0) {
		qemu_ram_begin(&own->ram, &own->peer, false, memory);
		result = ram_search(&own->ram, &mappings, 0, hints, err);
		own->has_ram = result == 0;
		if (result < 0) {
			guest_memory_destroy(memory);
			qemu_ram_end(&own->ram);
		}
	}
	free(mappings.list);
	return result;
}

void private_ram_close(struct private_ram *own)
{
	if (!own->is_open)
		return;
	if (own->has_ram)
		qemu_ram_end(&own->ram);
	qemu_peer_close(&own->peer);
	own->is_open = own->has_ram = false;
}
