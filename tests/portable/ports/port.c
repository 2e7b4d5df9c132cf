/* SPDX-License-Identifier: MPL-2.0 */
/* The shared part of the ports: see port.h. */
#include "port.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pagemeta_platform.h>

#include "pagemeta/meta_check.h"

uint8_t mini_memory[MINI_MEMORY_SIZE] __attribute__((aligned(4096)));
struct meta_slot *mini_slots;
struct meta_array port_array;

bool platform_map_metadata(struct early_allocator *early, paddr_t base, uint64_t size)
{
	(void)early;
	(void)size;
	mini_slots = platform_phys_to_virt(base);
	return true;
}

bool platform_add_temp_linear_mapping(struct early_allocator *early, paddr_t end)
{
	(void)early;
	(void)end;
	return false;
}

void platform_abort(const char *what, paddr_t frame, uint64_t state)
{
	fprintf(stderr, "frame %#" PRIx64 ", state %#" PRIx64 ": %s\n", frame.addr, state, what);
	abort();
}

void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", what);
	exit(EXIT_FAILURE);
}

void port_init(void)
{
	static struct region_list list;
	static struct early_allocator early;

	need(region_list_add(&list, 0, PAGE_SIZE, REGION_RESERVED) &&
		     region_list_add(&list, PAGE_SIZE, MINI_MEMORY_SIZE - PAGE_SIZE, REGION_USABLE),
	     "no room for a region");
	need(meta_init(&list, &early, &port_array) == META_OK, "no metadata");
}

void port_check(void)
{
	struct meta_fault fault = {0};

	need(meta_check(&port_array, &fault) == 0, "a slot is wrong");
}
