/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The platform that pagemeta needs, on the host: "physical memory" is a memfd, the linear mapping and the metadata
 * range are two mappings of it, and a CPU is a thread.
 *
 * The guest's implementation is in guest/platform/; the include path selects one.
 */
#ifndef PAGEMETA_PLATFORM_H
#define PAGEMETA_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>
#include <pagevisor/slot.h>

struct early_allocator;

#define PLATFORM_MAX_CPUS 64

/* The trace's hooks are x86 code. */
#ifdef __x86_64__
#define PLATFORM_TRACING 1
#endif

/* Here all memory is mapped from the start. As in the guest, so that tests meet the border. */
#define PLATFORM_EARLY_LIMIT UINT64_C(0x100000000)

/* Bytes of address space for the metadata array: enough for 64 TiB. */
#define PLATFORM_META_RANGE_SIZE UINT64_C(0x10000000000)

/* An array of at least this size begins at a multiple of it: in the guest, large pages map it then. */
#define PLATFORM_LARGE_PAGE_SIZE LARGE_PAGE_SIZE

extern struct meta_slot *host_meta_base;
extern uint8_t *host_linear_base;
extern __thread unsigned host_cpu;

/* The number of the CPU that runs the caller, below PLATFORM_MAX_CPUS. It does not change during a library call. */
static inline unsigned platform_cpu(void)
{
	return host_cpu;
}

/* Slot 0 of the metadata array. */
static inline struct meta_slot *platform_meta_base(void)
{
	return host_meta_base;
}

/* The linear mapping. */
static inline void *platform_phys_to_virt(paddr_t pa)
{
	return host_linear_base + pa.addr;
}

/* Called in loops that wait for another CPU. */
static inline void platform_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* What rings for the keeper; NULL: it looks by itself. And how long it is waited for. */
extern void (*host_keeper_ring)(void);
extern uint64_t host_keeper_turns;

#define PLATFORM_KEEPER       1
#define PLATFORM_KEEPER_TURNS host_keeper_turns

static inline void platform_keeper_ring(void)
{
	if (host_keeper_ring)
		host_keeper_ring();
}

/* Replaces code; its pages become writable and executable. */
void platform_patch_text(void *code, const void *bytes, size_t size);

/* Returns pc itself: the host build keeps no frame pointers. */
static inline uint64_t platform_trace_caller(uint64_t pc, uint64_t frame_pointer)
{
	(void)frame_pointer;
	return pc;
}

/* Prints which frame broke which rule, and aborts. */
__attribute__((noreturn)) void platform_abort(const char *what, paddr_t frame, uint64_t state);

/* Extends the linear mapping from PLATFORM_EARLY_LIMIT to `end`. False when there is no memory for page tables. */
bool platform_add_temp_linear_mapping(struct early_allocator *early, paddr_t end);

/* Maps `size` bytes at `array`, at the address of slot 0. False as above. */
bool platform_map_metadata(struct early_allocator *early, paddr_t array, uint64_t size);

/* Creates `size` bytes of zeroed, sparse physical memory, replacing any earlier memory. On false, errno says why. */
bool host_memory_create(uint64_t size);

void host_memory_destroy(void);

/* The memfd that holds the memory; -1: there is none. */
int host_memory_fd(void);

#endif
