/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who did what to which frame: a ring for each processor of the guest, in the guest's own memory.
 *
 * The info page's trace_pa names an array of cpu_count rings, 0 when the guest does not trace. The writer
 * of a ring is its processor alone; a reader has nothing but the guest's memory, is never waited for and
 * may be as slow as it likes.
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
 *   - No newer ones either. A word of position m = n + entry_count that E saw was stored behind fence A of m,
 *     which lies behind C of m - 1, so behind F the load G finds a head of m at least: n + entry_count <= last.
 *     The position under way, whose head is not stored yet, is one of those that a reader refuses.
 *
 * The sequence is there for sources that copy memory in an order that nobody knows, and against a guest that
 * does not keep to this: an entry belongs to position n only if it is the low half of n. On x86 A and F are
 * no instructions and C is a plain store.
 *
 * The time is taken as the entry is written, right behind the change of the slot that it tells of. Two changes
 * of one frame by two processors can therefore have their entries in the wrong order when they lie within some
 * nanoseconds; counts and generations, which are of the change itself, say how it was.
 */
#ifndef PAGEVISOR_TRACE_H
#define PAGEVISOR_TRACE_H

#include <stdint.h>

#include <pagevisor/abi.h>
#include <pagevisor/options.h>

/* What became of a slot. Changes of metadata in place are not traced. */
enum trace_operation {
	TRACE_NONE,
	TRACE_CLAIM,       /* a free frame came into use; shared with one reference, or unique */
	TRACE_GET,         /* a holder took another reference */
	TRACE_GET_ADDRESS, /* somebody took a reference who had the address only */
	TRACE_PUT,         /* a reference was given back, and others are left */
	TRACE_DROP, /* the last one was, or the unique owner let go: the frame is being destroyed */
	TRACE_SHARE,   /* unique to shared */
	TRACE_UNSHARE, /* shared with one reference to unique */
	TRACE_REPLACE, /* a unique frame was given another type */
	TRACE_OPERATION_COUNT,
};

struct trace_entry {
	uint64_t tsc;
	uint64_t state;  /* of the slot, as the operation left it */
	uint64_t what;   /* frame number, type and operation: TRACE_*_SHIFT */
	uint64_t origin; /* low half: the position's low half; high half: of the caller's address */
};

ABI_OFFSET(struct trace_entry, tsc, 0);
ABI_OFFSET(struct trace_entry, state, 8);
ABI_OFFSET(struct trace_entry, what, 16);
ABI_OFFSET(struct trace_entry, origin, 24);
ABI_SIZE(struct trace_entry, 32);

#define TRACE_PFN_MASK ((UINT64_C(1) << 40) - 1)
#define TRACE_TYPE_SHIFT                                                                           \
	40 /* eight bits: 1 + the type's index for claim, drop and replace, else 0 */
#define TRACE_OPERATION_SHIFT 48
#define TRACE_CALLER_SHIFT    32

static inline uint64_t trace_what(enum trace_operation operation, unsigned type, uint64_t pfn)
{
	return (uint64_t)operation << TRACE_OPERATION_SHIFT | (uint64_t)type << TRACE_TYPE_SHIFT |
	       pfn;
}

static inline uint64_t trace_origin(uint64_t caller, uint64_t position)
{
	return caller << TRACE_CALLER_SHIFT | (uint32_t)position;
}

/* The caller's address: of a kernel that lies, as ours, in the highest 2 GiB. */
static inline uint64_t trace_caller(uint64_t origin)
{
	return (uint64_t)((int64_t)origin >> TRACE_CALLER_SHIFT);
}

/* One processor's ring. It alone writes here, and nothing but head changes once it is published. */
struct trace_ring {
	uint64_t head;        /* positions written so far */
	uint64_t entries_pa;  /* contiguous */
	uint64_t entry_count; /* 0: this processor has none; see options.h */
	uint64_t entries_va;  /* where the kernel has them */
	uint64_t reserved[4];
} __attribute__((aligned(64)));

ABI_OFFSET(struct trace_ring, head, 0);
ABI_OFFSET(struct trace_ring, entries_pa, 8);
ABI_OFFSET(struct trace_ring, entry_count, 16);
ABI_OFFSET(struct trace_ring, entries_va, 24);
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
