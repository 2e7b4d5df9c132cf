/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Deferred puts: a reference that is put only after an RCU grace period.
 *
 * Lock-free readers find a frame through something that others change, such as an entry of a page table, and use it
 * without a reference of their own. So whoever replaces what they read must not put the frame's reference at once: a
 * reader may have found the frame just before. A deferred put keeps the reference until every read-side section that
 * had begun is over.
 *
 *     reader, in a read-side section of the platform's RCU     updater
 *
 *     slot = load of the entry, acquire                        entry = another frame or none, release
 *     uses (frame_borrow_t){slot} until the section ends       frame_put_deferred(frame, node)
 *
 * Inside the section, the section is the lender of the borrow: all of handle.h's functions on a borrow may be called,
 * and frame_borrow_get for a frame that was published shared, because the reference of the entry is still counted. The
 * frame keeps its type, its constant metadata, and its bytes, as far as its holders leave those alone. This holds if
 * the entry's own reference is given up by a deferred put after the entry has changed; further references may come and
 * go by frame_get and frame_put. frame_from_in_use needs no section, but inside one it finds such a frame in use (or
 * FRAME_UNIQUE) for certain. Nothing else of the library may rely on a section.
 *
 * The platform provides pagemeta_rcu.h. A platform without RCU leaves this file and deferred_put.c out.
 */
#ifndef PAGEMETA_DEFERRED_PUT_H
#define PAGEMETA_DEFERRED_PUT_H

#include <pagemeta_rcu.h>

#include "unique.h"

/*
 * What a deferral needs to remember. The caller supplies one, zeroed before its first use, for each deferral that is
 * pending at a time. It may be a member of the frame's own metadata, so that no deferral ever has to find memory: its
 * words then change without a new generation, shared or unique, which the type shared_u64 tells an observer.
 *
 * A node is busy from the call on, and may be used again, or its memory for something else, as soon as
 * deferred_put_is_pending() is false. In the frame's own metadata it is idle again just before the reference is put.
 * So such a node serves one holder at a time: by convention the one that unpublishes the frame.
 */
struct deferred_put {
	platform_rcu_head_t rcu;
	shared_u64 slot; /* the frame's slot while the deferral is pending; 0: idle */
};

/*
 * Gives a reference back after a grace period: as frame_put, on_drop included, but later, in the context and on the CPU
 * in which the platform runs callbacks. Until then the reference counts. An on_drop may defer further puts.
 *
 * Whoever holds the reference may call it, inside a section or outside, wherever the platform's call_rcu may be called.
 * It neither fails nor blocks. What the caller did before, and what readers did in sections that had begun, happens
 * before the put. Aborts if the frame is not shared, the handle empty, or the node busy with another deferral.
 */
void frame_put_deferred(frame_t frame, struct deferred_put *node);

/*
 * The same for the owner of a unique frame, as unique_drop. The frame stays unique until the grace period has ended;
 * its owner must not use the handle any more. Aborts if the frame is not unique, the handle empty, or the node busy.
 */
void unique_drop_deferred(unique_frame_t frame, struct deferred_put *node);

/*
 * Whether a node is busy. Once this is false, the platform and the library no longer use the node; the put itself may
 * still be going on. For a node in the frame's own metadata the caller needs a reference besides the deferred one.
 */
static inline bool deferred_put_is_pending(const struct deferred_put *node)
{
	return __atomic_load_n(&node->slot, __ATOMIC_ACQUIRE) != 0; /* order C in deferred_put.c */
}

#endif
