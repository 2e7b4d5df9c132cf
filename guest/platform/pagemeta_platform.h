/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What pagemeta requires of its platform, in the guest: addresses are constants, a CPU is a processor.
 *
 * The host's version is in vmm/platform/; the include path selects one of them.
 */
#ifndef PAGEMETA_PLATFORM_H
#define PAGEMETA_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>
#include <pagevisor/layout.h>
#include <pagevisor/ports.h>
#include <pagevisor/slot.h>

#include "arch/cpu.h"
#include "arch/privileged.h"

struct early_allocator;

#define PLATFORM_MAX_CPUS MAX_CPUS
#define PLATFORM_TRACING  1
#define PLATFORM_KEEPER   1

/* Seconds, unless the machine is emulated: the host may be busy, and a keeper that is gone is waited for once. */
#define PLATFORM_KEEPER_TURNS (UINT64_C(1) << 26)

/* Physical memory below this address is mapped from the start: the boot page table. */
#define PLATFORM_EARLY_LIMIT BOOT_MAPPED_SIZE

/* Bytes of address space for the metadata array. */
#define PLATFORM_META_RANGE_SIZE (FRAME_METADATA_END - FRAME_METADATA_BASE)

/* An array of at least this size begins at a multiple of it, so that large pages can map it. */
#define PLATFORM_LARGE_PAGE_SIZE LARGE_PAGE_SIZE

/* Below PLATFORM_MAX_CPUS. The kernel is not preempted. */
static inline unsigned platform_cpu(void)
{
	return this_cpu_index();
}

/* Slot 0 of the metadata array. */
static inline struct meta_slot *platform_meta_base(void)
{
	return (struct meta_slot *)FRAME_METADATA_BASE;
}

/* The linear mapping. */
static inline void *platform_phys_to_virt(paddr_t pa)
{
	return (void *)(LINEAR_MAP_BASE + pa.addr);
}

/* For loops that wait for another CPU. */
static inline void platform_relax(void)
{
	cpu_relax();
}

/* An exit to the VMM; in QEMU, where nothing listens, the keeper looks by itself. */
static inline void platform_keeper_ring(void)
{
	port_write8(PORT_KEEPER_BELL, 0);
}

/* Replaces code: the page tables allow it. */
static inline void platform_patch_text(void *code, const void *bytes, size_t size)
{
	__builtin_memcpy(code, bytes, size);
}

/* The bounds of the library, from the linker script. */
extern const char library_start[];
extern const char library_end[];

#define CALLERS_MAX 8 /* calls within the library, one inside the other */

/*
 * The return address in the first caller outside the library: pc is an address in the code, frame_pointer belongs to
 * its function. Every function maintains the chain of frames, and starts by doing so.
 */
static inline uint64_t platform_trace_caller(uint64_t pc, uint64_t frame_pointer)
{
	for (unsigned depth = 0; depth < CALLERS_MAX; depth++) {
		const uint64_t *frame = (const uint64_t *)frame_pointer;

		if (pc - (uint64_t)library_start >= (uint64_t)(library_end - library_start) ||
		    !frame)
			break;
		frame_pointer = frame[0];
		pc = frame[1];
	}
	return pc;
}

/* Says which frame broke which rule, and stops: mm/platform.c. */
__attribute__((noreturn)) void platform_abort(const char *what, paddr_t frame, uint64_t state);

/* Extends the linear mapping from PLATFORM_EARLY_LIMIT to `end`. False when there is no memory for page tables. */
bool platform_add_temp_linear_mapping(struct early_allocator *early, paddr_t end);

/* Maps `size` bytes at `array`, at the address of slot 0. False as above. */
bool platform_map_metadata(struct early_allocator *early, paddr_t array, uint64_t size);

#endif
