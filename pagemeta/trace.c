/* SPDX-License-Identifier: MPL-2.0 */
/* The writer of the trace: see trace.h. */

/* trace_write preserves all registers: it saves the general ones that it uses, and uses no others. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("general-regs-only"))), apply_to = function)
#else
#pragma GCC target("general-regs-only")
#endif

#include <pagevisor/address.h>

#include "mapping.h"
#include "meta_type.h"
#include "trace.h"

/* Whole pages: the rings are published, and nothing else with them. */
struct trace_ring trace_rings[PLATFORM_MAX_CPUS] __attribute__((aligned(PAGE_SIZE)));

/* No sanitizer: its calls may touch any register, and only readers of the trace use the entries. */
#define PLAIN __attribute__((used, no_sanitize("address", "thread", "undefined")))

/* Called by the hook in trace.h. Declared nowhere else, because the compiler must not know of the call. */
__attribute__((no_caller_saved_registers)) void trace_write(const struct meta_slot *slot,
							    uint64_t state, uint64_t operation);

/* The type field of an entry: the slot's type for the operations whose caller alone may change it, otherwise 0. */
static inline unsigned type_of(const struct meta_slot *slot, uint64_t operation)
{
	if (operation != TRACE_CLAIM && operation != TRACE_DROP && operation != TRACE_REPLACE)
		return 0;

	uint64_t vtable_ptr = __atomic_load_n(&slot->vtable_ptr, __ATOMIC_RELAXED);

	return meta_type_is_valid(vtable_ptr)
		       ? 1 + (unsigned)meta_type_index((const struct meta_type *)vtable_ptr)
		       : 0;
}

PLAIN void trace_write(const struct meta_slot *slot, uint64_t state, uint64_t operation)
{
	const uint64_t pc = (uint64_t)__builtin_return_address(0);
	/* The frame of the function with the hook. */
	const uint64_t frame_pointer = *(const uint64_t *)__builtin_frame_address(0);
	struct trace_ring *ring = &trace_rings[platform_cpu()];
	uint64_t position = ring->head; /* this CPU is the only writer */

	if (ring->entry_count == 0)
		return;

	struct trace_entry *entry = (struct trace_entry *)ring->entries_va +
				    (position & (ring->entry_count - 1));
	uint64_t what = trace_what((enum trace_operation)operation, type_of(slot, operation),
				   meta_to_pfn(slot).index);
	uint64_t origin = trace_origin(platform_trace_caller(pc, frame_pointer), position);

	/* The letters are those of pagevisor/trace.h. */
	__atomic_thread_fence(__ATOMIC_RELEASE);                                 /* A */
	__atomic_store_n(&entry->tsc, __builtin_ia32_rdtsc(), __ATOMIC_RELAXED); /* B */
	__atomic_store_n(&entry->state, state, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->what, what, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->origin, origin, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->head, position + 1, __ATOMIC_RELEASE); /* C */
}

void trace_set_ring(unsigned cpu, paddr_t address, uint64_t entry_count)
{
	struct trace_ring *ring = &trace_rings[cpu];

	ring->entries_pa = address.addr;
	ring->entries_va = (uint64_t)(uintptr_t)platform_phys_to_virt(address);
	ring->entry_count = entry_count;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
