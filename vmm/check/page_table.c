/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's page table: its frames, and that the kernel's image, the linear mapping and the metadata are mapped
 * where the guest says they are. Tables may be shared by several entries of one level, never by two levels.
 */
#include <inttypes.h>

#include <pagevisor/x86.h>

#include "check/context.h"

/* Tables that are gone through, each as often as it is mapped: more than 64 GiB of RAM need, in small pages, too. */
#define VISITS_MAX 65536

#define SIGN_BIT  (UINT64_C(1) << 47)
#define SIGN_MASK (~(SIGN_BIT - 1))

/* A part of the address space that has to be mapped, in one piece, from `pa` on. */
struct window {
	const char *name;
	uint64_t va;
	uint64_t size;
	uint64_t pa;
	uint64_t mapped;
	bool is_wrong;
};

enum { WINDOW_KERNEL, WINDOW_LINEAR, WINDOW_METADATA, WINDOW_COUNT };

struct table_walk {
	struct check *check;
	struct window windows[WINDOW_COUNT];
	unsigned visits;
	bool ended;
};

static void bad_table(struct table_walk *walk, uint64_t frame, const char *expected,
		      const char *found)
{
	check_finding(walk->check, RULE_PAGE_TABLE, frame, expected, found);
}

/* Whether a frame can be a table of this level; looked at once. */
static bool enter_table(struct table_walk *walk, uint64_t frame, unsigned level)
{
	struct check *check = walk->check;
	struct meta_slot slot;

	if (frame >= check->view->slot_count || !check_read_slot(check, frame, &slot)) {
		bad_table(walk, FRAME_NUMBER_NONE,
			  TEXT("a table below %#" PRIx64, check->view->slot_count * PAGE_SIZE),
			  TEXT("%#" PRIx64, frame * PAGE_SIZE));
		return false;
	}
	if (check->levels[frame] == level + 1)
		return true;
	if (check->levels[frame]) {
		bad_table(walk, frame, TEXT("a table of level %u only", check->levels[frame] - 1u),
			  TEXT("one of level %u, too", level));
		return false;
	}
	check->levels[frame] = (uint8_t)(level + 1);
	check->summary->tables++;

	int type = guest_view_type(check->view, slot.vtable_ptr);

	if (!ref_in_use(slot_state_refs(slot.state)) || type < 0 ||
	    check->view->types[type].is_untyped ||
	    type == guest_view_type_named(check->view, "meta_page"))
		bad_table(walk, frame, "a frame that the kernel keeps for itself",
			  check_describe(check, &slot).text);
	check_refer(check, frame);
	return true;
}

/* Holds a mapping of `size` bytes against a window. Returns whether they meet. */
static bool check_window(struct table_walk *walk, struct window *window, uint64_t va, uint64_t size,
			 uint64_t pa)
{
	uint64_t start = va > window->va ? va : window->va;
	uint64_t end = va + (size - 1) < window->va + (window->size - 1)
			       ? va + (size - 1)
			       : window->va + (window->size - 1);

	if (window->size == 0 || start > end)
		return false;
	window->mapped += end - start + 1;
	if (pa - va != window->pa - window->va && !window->is_wrong) {
		window->is_wrong = true;
		check_finding(walk->check, RULE_MAPPING, FRAME_NUMBER_NONE,
			      TEXT("%s: %#" PRIx64 " at %#" PRIx64, window->name,
				   window->pa + (start - window->va), start),
			      TEXT("%#" PRIx64, pa + (start - va)));
	}
	return true;
}

static void check_leaf(struct table_walk *walk, uint64_t va, uint64_t size, uint64_t pa)
{
	/* The identity map, and the image's mapping, which goes on behind it: no reference to any one frame. */
	bool is_known = va == pa || va - pa == walk->check->view->va_offset;

	for (unsigned i = 0; i < WINDOW_COUNT; i++)
		is_known |= check_window(walk, &walk->windows[i], va, size, pa);
	/* What is mapped anywhere else is referred to by that. */
	for (uint64_t at = 0; !is_known && size <= LARGE_PAGE_SIZE && at < size; at += PAGE_SIZE)
		check_refer(walk->check, (pa + at) / PAGE_SIZE);
}

static void visit(struct table_walk *walk, uint64_t frame, unsigned level, uint64_t va);

static void check_entry(struct table_walk *walk, uint64_t table, unsigned level, uint64_t va,
			uint64_t entry)
{
	const uint64_t size = PAGE_SIZE << (level * PT_INDEX_BITS);
	uint64_t pa = entry & PTE_ADDRESS_MASK;

	if (!(entry & PTE_PRESENT))
		return;
	if (level == PT_LEVELS - 1 && entry & PTE_LARGE)
		bad_table(walk, table, "no large pages in the root", TEXT("%#" PRIx64, entry));
	else if (level == 0 || entry & PTE_LARGE)
		check_leaf(walk, va, size, align_down(pa, size));
	else
		visit(walk, pa / PAGE_SIZE, level - 1, va);
}

static void visit(struct table_walk *walk, uint64_t frame, unsigned level, uint64_t va)
{
	const uint64_t size = PAGE_SIZE << (level * PT_INDEX_BITS);
	uint64_t entries[PT_ENTRIES];

	if (walk->ended || !enter_table(walk, frame, level) ||
	    !check_read(walk->check, frame * PAGE_SIZE, entries, sizeof(entries)))
		return;
	if (++walk->visits > VISITS_MAX) {
		walk->ended = true;
		bad_table(walk, frame, TEXT("at most %d tables", VISITS_MAX), "more");
		return;
	}
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uint64_t at = va + i * size;

		check_entry(walk, frame, level, at & SIGN_BIT ? at | SIGN_MASK : at, entries[i]);
	}
}

void check_page_table(struct check *check)
{
	const struct guest_view *view = check->view;
	const uint64_t array_start = align_down(view->array.addr, PAGE_SIZE);
	const uint64_t array_end =
		align_up(view->array.addr + view->slot_count * SLOT_SIZE, PAGE_SIZE);
	struct table_walk walk = {.check = check};

	if (view->kernel_end.addr > view->kernel_start.addr)
		walk.windows[WINDOW_KERNEL] =
			(struct window){.name = "kernel",
					.va = view->kernel_start.addr + view->va_offset,
					.size = view->kernel_end.addr - view->kernel_start.addr,
					.pa = view->kernel_start.addr};
	if (view->linear_va)
		walk.windows[WINDOW_LINEAR] = (struct window){.name = "linear",
							      .va = view->linear_va,
							      .size = view->slot_count * PAGE_SIZE};
	if (view->array_va)
		walk.windows[WINDOW_METADATA] =
			(struct window){.name = "metadata",
					.va = view->array_va - (view->array.addr - array_start),
					.size = array_end - array_start,
					.pa = array_start};
	visit(&walk, view->page_table.addr / PAGE_SIZE, PT_LEVELS - 1, 0);
	for (unsigned i = 0; i < WINDOW_COUNT && !walk.ended; i++)
		if (walk.windows[i].mapped != walk.windows[i].size)
			check_finding(check, RULE_MAPPING, FRAME_NUMBER_NONE,
				      TEXT("%s: %" PRIu64 " pages mapped", walk.windows[i].name,
					   walk.windows[i].size / PAGE_SIZE),
				      TEXT("%" PRIu64, walk.windows[i].mapped / PAGE_SIZE));
}
