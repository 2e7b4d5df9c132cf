/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bundles: unused frames linked through their slots, so that many frames move at the cost of a few.
 *
 * A bundle is a tree of two levels. The storage of its root names the next bundle of the list and five nodes. The
 * storage of each node names six leaves. Names are frame numbers; the leaves' slots are not accessed. A list through
 * all slots would link the frames as well, but taking frames from it would wait for one cache miss after another. Here
 * the misses of a level overlap.
 */
#ifndef PAGEMETA_FRAME_BUNDLE_H
#define PAGEMETA_FRAME_BUNDLE_H

#include "free_list.h"
#include "mapping.h"
#include "slot.h"

#define BUNDLE_NODES  (SLOT_STORAGE_WORDS - 1)
#define BUNDLE_LEAVES (BUNDLE_NODES * SLOT_STORAGE_WORDS)
#define BUNDLE_FRAMES (1 + BUNDLE_NODES + BUNDLE_LEAVES)

/* A list of bundles, newest first. Anybody may load the count; only the holder of its lock may access the rest. */
struct bundle_list {
	uint64_t first; /* its root; FREE_LINK_NONE when empty */
	uint64_t count;
};

#define BUNDLE_LIST_EMPTY ((struct bundle_list){.first = FREE_LINK_NONE})

/* Links BUNDLE_FRAMES frame numbers to a bundle. Returns its root. */
static inline struct meta_slot *bundle_tie(const uint64_t *frames)
{
	struct meta_slot *root = pfn_to_meta(pfn(*frames++));
	const uint64_t *leaves = frames + BUNDLE_NODES;

	for (unsigned n = 0; n < BUNDLE_NODES; n++) {
		struct meta_slot *node = pfn_to_meta(pfn(frames[n]));

		slot_word_store(&root->storage[1 + n], frames[n]);
		for (unsigned leaf = 0; leaf < SLOT_STORAGE_WORDS; leaf++)
			slot_word_store(&node->storage[leaf], *leaves++);
	}
	return root;
}

/* Takes a bundle apart into BUNDLE_FRAMES frame numbers. */
static inline void bundle_untie(const struct meta_slot *root, uint64_t *frames)
{
	uint64_t *leaves = frames + 1 + BUNDLE_NODES;

	*frames++ = meta_to_pfn(root).index;
	for (unsigned n = 0; n < BUNDLE_NODES; n++) {
		frames[n] = slot_word_load(&root->storage[1 + n]);
		for (unsigned leaf = 0; leaf < SLOT_STORAGE_WORDS; leaf++)
			*leaves++ = slot_word_load(&pfn_to_meta(pfn(frames[n]))->storage[leaf]);
	}
}

static inline uint64_t bundle_list_count(const struct bundle_list *list)
{
	return __atomic_load_n(&list->count, __ATOMIC_RELAXED);
}

static inline void bundle_list_push(struct bundle_list *list, struct meta_slot *root)
{
	slot_word_store(&root->storage[FREE_NEXT], list->first);
	list->first = meta_to_pfn(root).index;
	__atomic_store_n(&list->count, list->count + 1, __ATOMIC_RELAXED);
}

/* Takes the newest bundle off the list. NULL when there is none. */
static inline struct meta_slot *bundle_list_pop(struct bundle_list *list)
{
	if (list->count == 0)
		return NULL;

	struct meta_slot *root = pfn_to_meta(pfn(list->first));

	list->first = slot_word_load(&root->storage[FREE_NEXT]);
	__atomic_store_n(&list->count, list->count - 1, __ATOMIC_RELAXED);
	return root;
}

/* Prefetches what taking the newest bundle will read, its nodes, and the root of the one after it. */
static inline void bundle_list_prefetch(const struct bundle_list *list)
{
	if (list->count == 0)
		return;

	const struct meta_slot *root = pfn_to_meta(pfn(list->first));

	for (unsigned n = 0; n < BUNDLE_NODES; n++)
		__builtin_prefetch(pfn_to_meta(pfn(slot_word_load(&root->storage[1 + n]))), 1);
	if (list->count > 1)
		__builtin_prefetch(pfn_to_meta(pfn(slot_word_load(&root->storage[FREE_NEXT]))), 1);
}

#endif
