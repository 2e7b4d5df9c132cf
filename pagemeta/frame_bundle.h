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

/* A list of bundles by the root of the first. */
struct bundle_list {
	uint64_t first; /* FREE_LINK_NONE when empty */
	uint64_t count;
};

#define BUNDLE_LIST_EMPTY ((struct bundle_list){.first = FREE_LINK_NONE})

/* Makes a bundle of BUNDLE_FRAMES frame numbers and puts it on the list. */
static inline void bundle_list_push(struct bundle_list *list, const uint64_t *frames)
{
	struct meta_slot *root = pfn_to_meta(pfn(*frames++));
	const uint64_t *leaves = frames + BUNDLE_NODES;

	slot_word_store(&root->storage[FREE_NEXT], list->first);
	for (unsigned n = 0; n < BUNDLE_NODES; n++) {
		struct meta_slot *node = pfn_to_meta(pfn(frames[n]));

		slot_word_store(&root->storage[1 + n], frames[n]);
		for (unsigned leaf = 0; leaf < SLOT_STORAGE_WORDS; leaf++)
			slot_word_store(&node->storage[leaf], *leaves++);
	}
	list->first = meta_to_pfn(root).index;
	list->count++;
}

/* Prefetches what the next pop will read: the nodes of its root, and the root after it. */
static inline void bundle_prefetch(const struct meta_slot *root, bool has_next)
{
	for (unsigned n = 0; n < BUNDLE_NODES; n++)
		__builtin_prefetch(pfn_to_meta(pfn(slot_word_load(&root->storage[1 + n]))), 1);
	if (has_next)
		__builtin_prefetch(pfn_to_meta(pfn(slot_word_load(&root->storage[FREE_NEXT]))), 1);
}

/* Takes the newest bundle apart into BUNDLE_FRAMES frame numbers. False when the list is empty. */
static inline bool bundle_list_pop(struct bundle_list *list, uint64_t *frames)
{
	if (list->count == 0)
		return false;

	const struct meta_slot *root = pfn_to_meta(pfn(list->first));
	uint64_t *leaves = frames + 1 + BUNDLE_NODES;

	*frames++ = list->first;
	list->first = slot_word_load(&root->storage[FREE_NEXT]);
	list->count--;
	if (list->count)
		bundle_prefetch(pfn_to_meta(pfn(list->first)), list->count > 1);
	for (unsigned n = 0; n < BUNDLE_NODES; n++) {
		frames[n] = slot_word_load(&root->storage[1 + n]);
		for (unsigned leaf = 0; leaf < SLOT_STORAGE_WORDS; leaf++)
			*leaves++ = slot_word_load(&pfn_to_meta(pfn(frames[n]))->storage[leaf]);
	}
	return true;
}

#endif
