/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who did what to which frame: a ring for each processor of the guest, in the guest's own memory.
 *
 * trace_pa of the info page is the address of an array of cpu_count rings; 0: the guest does not trace. Only its
 * processor writes a ring. A reader has nothing but the guest's memory. The writer never waits for a reader, however
 * slow.
 *
 * Position n of a ring, counted from 0 since boot, lies in entry n modulo entry_count, a power of two.
 *
 *     writer, position n                            reader
 *       A  release fence                              D  first = load head (acquire)
 *       B  store the words of the entry (relaxed)     E  copy entries (relaxed)
 *       C  store head = n + 1 (release)               F  acquire fence
 *                                                     G  last = load head (relaxed)
 *
 * A reader may use position n if n < first and n + entry_count > last.
 *
 *   - n < first: D read what C stored for n or a later position, so E sees the words of n, or newer ones.
 *   - n + entry_count > last: E saw no newer words. Suppose that E saw a word of position m = n + entry_count. It was
 *     stored after fence A of m, which comes after C of m - 1. So the load G, after fence F, finds a head of at least
 *     m: n + entry_count <= last. A reader thus also refuses the entry that is being written, whose head is not stored
 *     yet.
 *
 * An entry also holds the low half of its position: it belongs to position n only if that is the low half of n. This
 * check is for sources that copy memory in an unknown order, and for guests that break the protocol. On x86, A and F
 * need no instructions and C is a plain store.
 *
 * Reading the clock takes longer than all the rest of an entry, so not every entry reads it. The tsc of one with the mark
 * TRACE_CLOCK_READ was read for it, right after the change of the slot that it records. Any other repeats the tsc of
 * the entry before it: its change happened then or later, and before that of the next marked entry of the same processor,
 * which is at most TRACE_STRIDE_MAX positions further. The writer chooses how many positions lie between two readings,
 * so that they are about TRACE_CLOCK_TICKS apart: of rare changes each has a time of its own. After a pause up to
 * TRACE_STRIDE_MAX - 1 entries still repeat the time before it.
 *
 * The times of entries of two processors may therefore be in the wrong order. Counts and generations belong to the
 * change itself and give the true order.
 */
#ifndef PAGEVISOR_TRACE_H
#define PAGEVISOR_TRACE_H

#include <stdint.h>

#include <pagevisor/abi.h>
#include <pagevisor/options.h>
#include <pagevisor/trace_operation.h>

struct trace_entry {
	uint64_t tsc;    /* the processor's last reading of its clock */
	uint64_t state;  /* of the slot, as the operation left it */
	uint64_t what;   /* frame number, type and operation: TRACE_*_SHIFT */
	uint64_t origin; /* low 32 bits of the position, then of the caller's address */
};

ABI_OFFSET(struct trace_entry, tsc, 0);
ABI_OFFSET(struct trace_entry, state, 8);
ABI_OFFSET(struct trace_entry, what, 16);
ABI_OFFSET(struct trace_entry, origin, 24);
ABI_SIZE(struct trace_entry, 32);

#define TRACE_PFN_MASK        ((UINT64_C(1) << 40) - 1)
#define TRACE_TYPE_SHIFT      40 /* 8 bits: 1 + the type's index for claim, drop, replace; else 0 */
#define TRACE_OPERATION_SHIFT 48
#define TRACE_CLOCK_READ      (UINT64_C(1) << 56) /* tsc was read for this entry */
#define TRACE_CALLER_SHIFT    32

#define TRACE_STRIDE_MAX  16
#define TRACE_CLOCK_TICKS 1024
#define TRACE_PAUSE_TICKS (8 * TRACE_CLOCK_TICKS)

static inline uint64_t trace_what(enum trace_operation operation, unsigned type, uint64_t pfn)
{
	return (uint64_t)operation << TRACE_OPERATION_SHIFT | (uint64_t)type << TRACE_TYPE_SHIFT |
	       pfn;
}

static inline uint64_t trace_origin(uint64_t caller, uint64_t position)
{
	return caller << TRACE_CALLER_SHIFT | (uint32_t)position;
}

/* The caller's address. The kernel must lie in the highest 2 GiB, as pagevisor's does. */
static inline uint64_t trace_caller(uint64_t origin)
{
	return (uint64_t)((int64_t)origin >> TRACE_CALLER_SHIFT);
}

/* One processor's ring. Once it is published, only that processor writes it, and only head changes. */
struct trace_ring {
	uint64_t head;        /* positions written so far */
	uint64_t entries_pa;  /* contiguous */
	uint64_t entry_count; /* 0: this processor has no ring; bounds are in options.h */
	uint64_t entries_va;  /* where the kernel maps them */
	/* The writer's own: */
	uint64_t clock;        /* the time of the last reading */
	uint64_t next_reading; /* the position whose entry reads the clock next */
	uint64_t stride;       /* positions from one reading to the next; 1 to TRACE_STRIDE_MAX */
	uint64_t slots_va;     /* slot 0 of the metadata array */
} __attribute__((aligned(64)));

ABI_OFFSET(struct trace_ring, head, 0);
ABI_OFFSET(struct trace_ring, entries_pa, 8);
ABI_OFFSET(struct trace_ring, entry_count, 16);
ABI_OFFSET(struct trace_ring, entries_va, 24);
ABI_OFFSET(struct trace_ring, clock, 32);
ABI_OFFSET(struct trace_ring, next_reading, 40);
ABI_OFFSET(struct trace_ring, stride, 48);
ABI_OFFSET(struct trace_ring, slots_va, 56);
ABI_SIZE(struct trace_ring, 64);

static inline const char *trace_operation_name(unsigned operation)
{
	static const char *const names[TRACE_OPERATION_COUNT] = {
		[TRACE_NONE] = "none",       [TRACE_CLAIM] = "claim",
		[TRACE_GET] = "get",         [TRACE_GET_ADDRESS] = "get_address",
		[TRACE_PUT] = "put",         [TRACE_DROP] = "drop",
		[TRACE_SHARE] = "share",     [TRACE_UNSHARE] = "unshare",
		[TRACE_REPLACE] = "replace",
	};
	return operation < TRACE_OPERATION_COUNT ? names[operation] : "unknown";
}

#endif
