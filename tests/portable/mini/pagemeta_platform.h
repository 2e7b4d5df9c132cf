/* SPDX-License-Identifier: MPL-2.0 */
/* The smallest platform for pagemeta: one CPU, and an array for physical memory. pagemeta/PORTING.md has the contract. */
#ifndef PAGEMETA_PLATFORM_H
#define PAGEMETA_PLATFORM_H

#include <stdbool.h>

#include <pagevisor/address.h>
#include <pagevisor/slot.h>

struct early_allocator;

#define MINI_MEMORY_SIZE (UINT64_C(16) << 20)

#define PLATFORM_MAX_CPUS        1
#define PLATFORM_EARLY_LIMIT     MINI_MEMORY_SIZE
#define PLATFORM_META_RANGE_SIZE MINI_MEMORY_SIZE
#define PLATFORM_LARGE_PAGE_SIZE PAGE_SIZE

extern uint8_t mini_memory[MINI_MEMORY_SIZE];
extern struct meta_slot *mini_slots;

static inline unsigned platform_cpu(void)
{
	return 0;
}

static inline struct meta_slot *platform_meta_base(void)
{
	return mini_slots;
}

static inline void *platform_phys_to_virt(paddr_t pa)
{
	return mini_memory + pa.addr;
}

static inline void platform_relax(void)
{
}

bool platform_add_temp_linear_mapping(struct early_allocator *early, paddr_t end);
bool platform_map_metadata(struct early_allocator *early, paddr_t array, uint64_t size);
__attribute__((noreturn)) void platform_abort(const char *what, paddr_t frame, uint64_t state);

#endif
