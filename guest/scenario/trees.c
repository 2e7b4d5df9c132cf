/* SPDX-License-Identifier: MPL-2.0 */
/*
 * trees: an on_drop that frees more frames. Trees of tables, like page tables, share parts with each other. Dropping a
 * root frees everything in its tree that nobody else holds.
 */
#include "workload/workload.h"

/* A node's bytes hold references to its children. check == ~(key ^ level ^ children). */
struct tree_node_meta {
	uint64_t key;
	uint32_t level; /* 0: a leaf */
	uint32_t children;
	uint64_t check;
};
static void tree_node_drop(void *meta, struct frame_reader *bytes);
META_TYPE(tree_node, .on_drop = tree_node_drop);

#define LEVELS       4
#define CHILDREN_MAX 4
#define ROOTS        16 /* that each processor holds */
#define BOARD_SIZE   32 /* subtrees that any processor may add to its trees */

static frame_t roots[MAX_CPUS][ROOTS];
static struct meta_slot *board[BOARD_SIZE];

static uint64_t check_of(const struct tree_node_meta *meta)
{
	return ~(meta->key ^ meta->level ^ meta->children);
}

static void tree_node_drop(void *meta, struct frame_reader *bytes)
{
	struct worker *worker = worker_current();
	const struct tree_node_meta *node = meta;
	frame_t child;

	worker_check(worker, node->check == check_of(node), "on_drop got a torn node", FRAME_NONE);
	for (uint32_t i = 0; i < node->children; i++) {
		if (frame_reader_read(bytes, &child, sizeof(child)) != sizeof(child))
			continue;
		worker_check(worker,
			     frame_type(child) == &meta_type_tree_node &&
				     frame_meta(child, tree_node)->level < node->level,
			     "a child is no node below its parent", child);
		worker_put(worker, child);
	}
}

static frame_t make(struct worker *worker, uint32_t level);

/* A part of another tree, or a new subtree. */
static frame_t make_child(struct worker *worker, uint32_t level)
{
	struct meta_slot **place = &board[random_below(&worker->random, BOARD_SIZE)];

	if (random_below(&worker->random, 4))
		return make(worker, random_below(&worker->random, level));
	/* acq_rel: the subtree travels with all its references. */
	frame_t part = {__atomic_exchange_n(place, NULL, __ATOMIC_ACQ_REL)};

	if (!part.slot || frame_meta(part, tree_node)->level < level)
		return part;
	worker_put(worker, part);
	return FRAME_NONE;
}

/* FRAME_NONE when no memory is free; the children made so far are then put. */
static frame_t make(struct worker *worker, uint32_t level)
{
	frame_t children[CHILDREN_MAX];
	uint32_t wanted = level ? random_below(&worker->random, CHILDREN_MAX + 1) : 0;
	struct tree_node_meta meta = {.key = random_next(&worker->random), .level = level};

	while (meta.children < wanted) {
		children[meta.children] = make_child(worker, level);
		if (!children[meta.children].slot)
			break;
		meta.children++;
	}
	meta.check = check_of(&meta);
	frame_t node = worker_alloc(worker, tree_node, &meta);

	for (uint32_t i = 0; i < meta.children; i++)
		if (node.slot)
			((frame_t *)frame_bytes(node))[i] = children[i];
		else
			worker_put(worker, children[i]);
	return node;
}

/* Goes from a node to one of its children, and so on to a leaf. */
static frame_t walk(struct worker *worker, frame_t root)
{
	frame_t node = root;

	for (;;) {
		const struct tree_node_meta *meta = frame_meta(node, tree_node);

		worker_check(worker, meta->check == check_of(meta), "a node is torn", node);
		if (meta->children == 0)
			return node;
		node = ((frame_t *)frame_bytes(
			node))[random_below(&worker->random, meta->children)];
	}
}

/* Offers a second reference to some part of a tree, for others to add to theirs. */
static void offer(struct worker *worker, frame_t root)
{
	frame_t part =
		worker_get(worker, random_below(&worker->random, 2) ? root : walk(worker, root));
	struct meta_slot **place = &board[random_below(&worker->random, BOARD_SIZE)];
	frame_t old = {__atomic_exchange_n(place, part.slot, __ATOMIC_ACQ_REL)};

	if (old.slot)
		worker_put(worker, old);
}

static void step(struct worker *worker)
{
	frame_t *root = &roots[worker->cpu][random_below(&worker->random, ROOTS)];

	if (!root->slot) {
		*root = make(worker, random_below(&worker->random, LEVELS));
		return;
	}
	switch (random_below(&worker->random, 4)) {
	case 0:
		offer(worker, *root);
		break;
	case 1:
		walk(worker, *root);
		break;
	default:
		worker_put(worker, *root);
		*root = FRAME_NONE;
	}
}

static void trees_run(struct worker *worker)
{
	while (worker_continue(worker))
		step(worker);
}

WORKLOAD(trees, OPTION_MIXES | OPTION_STRESSES, "drops that drop more frames", .run = trees_run);
