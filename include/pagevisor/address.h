/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Physical addresses and page geometry, as types of their own.
 *
 * A paddr_t is a physical address of the guest. It is a struct, so that neither the guest nor the
 * host can dereference it or mix it up with a frame number or a pointer: the guest turns it into a
 * pointer through its linear mapping, the host through the checked translation of its memory map.
 */
#ifndef PAGEVISOR_ADDRESS_H
#define PAGEVISOR_ADDRESS_H

#define PAGE_SHIFT       12
#define LARGE_PAGE_SHIFT 21

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SIZE       (UINT64_C(1) << PAGE_SHIFT)
#define LARGE_PAGE_SIZE (UINT64_C(1) << LARGE_PAGE_SHIFT)

/* A physical address of the guest, in bytes. */
typedef struct {
	uint64_t addr;
} paddr_t;

/* The number of a physical frame: its address divided by the page size. */
typedef struct {
	uint64_t index;
} pfn_t;

static inline paddr_t paddr(uint64_t addr)
{
	return (paddr_t){addr};
}

static inline pfn_t pfn(uint64_t index)
{
	return (pfn_t){index};
}

/* The frame that holds an address. */
static inline pfn_t paddr_to_pfn(paddr_t pa)
{
	return pfn(pa.addr >> PAGE_SHIFT);
}

/* The first address of a frame. */
static inline paddr_t pfn_to_paddr(pfn_t frame)
{
	return paddr(frame.index << PAGE_SHIFT);
}

/* Rounds down to a multiple of align, a power of two. */
static inline uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/* Rounds up to a multiple of align, a power of two. The caller ensures that it cannot wrap. */
static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return align_down(value + align - 1, align);
}

static inline bool is_aligned(uint64_t value, uint64_t align)
{
	return (value & (align - 1)) == 0;
}

#endif /* __ASSEMBLER__ */
#endif
