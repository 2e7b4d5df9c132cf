/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Deferred puts: see deferred_put.h.
 *
 * Orders. Between the caller and the callback, and between readers and the callback, it is the platform's RCU that
 * orders (pagemeta_rcu.h). What remains is one use of a node after another:
 *
 *   A  the exchange that makes a node busy, acquire: pairs with B, so the last use of the node is over before the
 *      platform writes it again. Being an exchange, it lets only one of two callers have the node.
 *   B  the store that makes it idle, release: the platform and the callback read the node before.
 *   C  the load of whoever asks, acquire: pairs with B; the node's memory may then be used for something else.
 */
#include "deferred_put.h"

/* Makes the node busy. Aborts if it was. */
static void start(struct deferred_put *node, struct meta_slot *slot,
		  void (*run)(platform_rcu_head_t *head))
{
	uint64_t other = __atomic_exchange_n(&node->slot, (uint64_t)(uintptr_t)slot,
					     __ATOMIC_ACQUIRE); /* A */

	if (__builtin_expect(other != 0, 0))
		slot_abort(slot, "a deferred put whose node is busy", slot_load(slot));
	platform_call_rcu(&node->rcu, run);
}

/* Takes the frame out of a node whose grace period has ended, and makes the node idle. */
static struct meta_slot *finish(platform_rcu_head_t *head)
{
	struct deferred_put *node =
		(struct deferred_put *)((char *)head - offsetof(struct deferred_put, rcu));
	struct meta_slot *slot = (struct meta_slot *)(uintptr_t)slot_word_load(&node->slot);

	__atomic_store_n(&node->slot, 0, __ATOMIC_RELEASE); /* B */
	return slot;
}

static void put(platform_rcu_head_t *head)
{
	frame_put((frame_t){finish(head)});
}

static void drop(platform_rcu_head_t *head)
{
	unique_drop((unique_frame_t){finish(head)});
}

void frame_put_deferred(frame_t frame, struct deferred_put *node)
{
	frame_expect(frame.slot);

	uint64_t state = slot_word_load(&frame.slot->state);

	if (__builtin_expect(ref_classify(slot_state_refs(state)) != REF_CLASS_SHARED, 0))
		slot_abort(frame.slot, "deferred put of a frame that is not shared", state);
	start(node, frame.slot, put);
}

void unique_drop_deferred(unique_frame_t frame, struct deferred_put *node)
{
	frame_expect(frame.slot);
	slot_expect_unique(frame.slot, "deferred drop of a frame that is not unique");
	start(node, frame.slot, drop);
}
