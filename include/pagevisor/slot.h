/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The metadata slot: 64 bytes for each physical frame, as guest and host both see it.
 *
 *     offset  0   storage[48]   the metadata of the frame's type
 *     offset 48   state         generation (low 32 bits), reference count (high 32 bits)
 *     offset 56   vtable_ptr    guest virtual address of the frame's type descriptor
 *
 * Who writes: the frame's owner (whoever moved the state to BUSY) writes storage and vtable_ptr;
 * any holder of a reference moves the count in state. The transitions and their memory orders are
 * in pagemeta/slot.h; this header only says what the bits mean.
 */
#ifndef PAGEVISOR_SLOT_H
#define PAGEVISOR_SLOT_H

#include <stdint.h>

#include <pagevisor/abi.h>

#define SLOT_SIZE          64
#define SLOT_STORAGE_SIZE  48
#define SLOT_STORAGE_WORDS (SLOT_STORAGE_SIZE / 8)
#define SLOT_ALIGN_MAX     32 /* the largest alignment that metadata may ask for */

struct meta_slot {
	uint64_t storage[SLOT_STORAGE_WORDS];
	uint64_t state;
	uint64_t vtable_ptr;
} __attribute__((aligned(SLOT_SIZE)));

ABI_OFFSET(struct meta_slot, storage, 0);
ABI_OFFSET(struct meta_slot, state, 48);
ABI_OFFSET(struct meta_slot, vtable_ptr, 56);
ABI_SIZE(struct meta_slot, SLOT_SIZE);

/*
 * Reference counts with a special meaning. They lie far apart, so a stray get or put lands in the illegal band rather
 * than on another special count. There are three exceptions, which last for the few instructions until the abort: a get
 * on UNUSED reads BUSY, a get on BUSY reads one reference, a put on BUSY reads UNUSED.
 */
#define REF_BUSY     UINT32_C(0)          /* being constructed or destructed */
#define REF_MAX_HELD UINT32_C(0x7ffffffe) /* 1 .. this: references to a shared frame */
#define REF_UNIQUE   UINT32_C(0xc0000000) /* one owner, no sharing */
#define REF_HOST     UINT32_C(0xe0000000) /* claimed by the host */
#define REF_UNUSED   UINT32_C(0xffffffff) /* what a freshly filled array (all 0xff) reads */

#define SLOT_REF_SHIFT 32
#define SLOT_REF_ONE   (UINT64_C(1) << SLOT_REF_SHIFT)

/* What a reference count says of its frame. */
enum ref_class {
	REF_CLASS_UNUSED,
	REF_CLASS_BUSY,
	REF_CLASS_SHARED,
	REF_CLASS_UNIQUE,
	REF_CLASS_HOST,
	REF_CLASS_ILLEGAL,
	REF_CLASS_COUNT,
};

static inline uint64_t slot_state(uint32_t generation, uint32_t refs)
{
	return (uint64_t)refs << SLOT_REF_SHIFT | generation;
}

static inline uint32_t slot_state_refs(uint64_t state)
{
	return (uint32_t)(state >> SLOT_REF_SHIFT);
}

static inline uint32_t slot_state_generation(uint64_t state)
{
	return (uint32_t)state;
}

static inline enum ref_class ref_classify(uint32_t refs)
{
	if (refs == REF_UNUSED)
		return REF_CLASS_UNUSED;
	if (refs == REF_BUSY)
		return REF_CLASS_BUSY;
	if (refs <= REF_MAX_HELD)
		return REF_CLASS_SHARED;
	if (refs == REF_UNIQUE)
		return REF_CLASS_UNIQUE;
	if (refs == REF_HOST)
		return REF_CLASS_HOST;
	return REF_CLASS_ILLEGAL;
}

/* In use: the slot holds metadata that belongs to somebody (a shared or a unique frame). */
static inline int ref_in_use(uint32_t refs)
{
	return (refs != REF_BUSY && refs <= REF_MAX_HELD) || refs == REF_UNIQUE;
}

static inline const char *ref_class_name(enum ref_class found)
{
	static const char *const names[REF_CLASS_COUNT] = {
		[REF_CLASS_UNUSED] = "unused", [REF_CLASS_BUSY] = "busy",
		[REF_CLASS_SHARED] = "shared", [REF_CLASS_UNIQUE] = "unique",
		[REF_CLASS_HOST] = "host",     [REF_CLASS_ILLEGAL] = "illegal",
	};
	return names[found];
}

#endif
