/* SPDX-License-Identifier: MPL-2.0 */
/* The functions of the mini port's platform. The other ports use them, too. */
#include <pagemeta_platform.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint8_t mini_memory[MINI_MEMORY_SIZE] __attribute__((aligned(4096)));
struct meta_slot *mini_slots;

/* The array of slots is used where it lies in physical memory. */
bool platform_map_metadata(struct early_allocator *early, paddr_t array, uint64_t size)
{
	(void)early;
	(void)size;
	mini_slots = platform_phys_to_virt(array);
	return true;
}

/* Only called for memory past PLATFORM_EARLY_LIMIT, and there is none. */
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
