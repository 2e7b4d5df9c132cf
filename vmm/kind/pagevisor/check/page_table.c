/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks the kernel's page table. By their metadata, too, its frames must be tables. References and entries must agree.
 * The kernel's image, the linear mapping and the metadata must be mapped where the guest says they are. Nothing else
 * may map a frame that is not in use. Several entries of one level may share a table, entries of two levels never.
 */
#include <inttypes.h>
#include <string.h>

#include "kind/pagevisor/check/context.h"
#include "kind/pagevisor/page_walk.h"

/*
 * Maximum number of pages examined in mappings of single frames: a work limit against hostile guests; no honest guest
 * reaches it.
 */
#define MAPPED_PAGES_MAX (UINT64_C(1) << 28)

/* A part of the address space that must be mapped contiguously, from `pa` on. */
struct window {
	const char *name;
	uint64_t va;
	uint64_t size;
	uint64_t pa;
	uint64_t mapped;
	bool is_wrong;
};

enum { WINDOW_KERNEL, WINDOW_LINEAR, WINDOW_METADATA, WINDOW_COUNT };

struct table_check {
	struct check *check;
	struct page_walk walk;
	struct window windows[WINDOW_COUNT];
	uint64_t mapped; /* pages in mappings of single frames */
	uint64_t typed;  /* tables whose frames are of the type for tables */
};

/* Compares a mapping of `size` bytes with a window. Returns whether they overlap. */
static bool check_window(struct check *check, struct window *window, uint64_t va, uint64_t size,
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
		check_finding(check, RULE_MAPPING, FRAME_NUMBER_NONE,
			      TEXT("%s: %#" PRIx64 " at %#" PRIx64, window->name,
				   window->pa + (start - window->va), start),
			      TEXT("%#" PRIx64, pa + (start - va)));
	}
	return true;
}

/* A mapping of a single frame, not of memory as a whole, refers to the frame. */
static void check_mapped(struct table_check *tables, const struct page_entry *entry, uint64_t frame)
{
	struct check *check = tables->check;
	struct meta_slot slot;

	/* A frame without a slot is a device's; so is an uncached one that is not RAM. */
	if (frame >= check->view->slot_count)
		return;
	check_refer(check, frame);
	if (check->marks[frame] & MARK_MAPPABLE || !check_read_slot(check, frame, &slot) ||
	    (entry->value & PTE_NOCACHE && ref_in_use(slot_state_refs(slot.state))))
		return;
	check->marks[frame] |= MARK_MAPPABLE; /* report it once */
	check_finding(check, RULE_WILD_ENTRY, frame,
		      TEXT("no entry; %#" PRIx64 "[%u] at %#" PRIx64 " maps it",
			   entry->table * PAGE_SIZE, entry->index, entry->va),
		      check_describe(check, &slot).text);
}

static void check_page(struct table_check *tables, const struct page_entry *entry)
{
	const uint64_t size = pt_entry_size(entry->level);
	/* The identity map, and the image's mapping, which extends past the image: neither refers to a single frame. */
	bool is_known = entry->va == entry->pa ||
			entry->va - entry->pa == tables->check->view->va_offset;

	for (unsigned i = 0; i < WINDOW_COUNT; i++)
		is_known |= check_window(tables->check, &tables->windows[i], entry->va, size,
					 entry->pa);
	for (uint64_t at = 0; !is_known && at < size; at += PAGE_SIZE) {
		if (tables->mapped++ > MAPPED_PAGES_MAX) {
			tables->check->is_blind = true;
			return;
		}
		check_mapped(tables, entry, (entry->pa + at) / PAGE_SIZE);
	}
}

static void check_entry(void *context, const struct page_entry *entry)
{
	if (entry->is_page)
		check_page(context, entry);
}

static void add_problem(void *context, const struct finding *finding)
{
	struct table_check *tables = context;

	findings_add(tables->check->findings, finding);
}

static void check_table_meta(struct table_check *tables, const struct walked_table *table,
			     const struct meta_slot *slot)
{
	const bool is_root = table->frame == tables->check->view->page_table.addr / PAGE_SIZE;
	const uint64_t references = table->entries + is_root;
	const uint32_t refs = slot_state_refs(slot->state);
	const enum ref_class class = ref_classify(refs);
	struct kernel_page_table_meta meta;

	memcpy(&meta, slot->storage, sizeof(meta));
	if (meta.level != table->level || meta.va != table->va)
		check_finding(tables->check, RULE_PAGE_TABLE, table->frame,
			      TEXT("level %u, from %#" PRIx64 " on", table->level, table->va),
			      TEXT("level %u, from %#" PRIx64 " on", meta.level, meta.va));
	/* Between its claim and its entry a table has one reference too many. */
	if (tables->check->rules != CHECK_ANY_INSTANT && !tables->walk.is_cut && refs != references)
		check_finding(tables->check, RULE_TABLE_REFERENCES, table->frame,
			      TEXT("%" PRIu64 " for %" PRIu64 " entr%s%s", references,
				   table->entries, table->entries == 1 ? "y" : "ies",
				   is_root ? " and the processors" : ""),
			      class == REF_CLASS_SHARED ? TEXT("%u", refs) : ref_class_name(class));
}

static bool is_table(const struct check *check, const struct meta_slot *slot)
{
	return check->table_type >= 0 && ref_in_use(slot_state_refs(slot->state)) &&
	       guest_view_type(check->view, slot->vtable_ptr) == check->table_type;
}

static void check_table(void *context, const struct walked_table *table)
{
	struct table_check *tables = context;
	struct check *check = tables->check;
	struct meta_slot slot;

	if (!check_read_slot(check, table->frame, &slot))
		return;
	check_refer(check, table->frame);

	int type = guest_view_type(check->view, slot.vtable_ptr);

	if (!ref_in_use(slot_state_refs(slot.state)) || type < 0 ||
	    check->view->types[type].is_untyped ||
	    type == guest_view_type_of_role(check->view, TYPE_ROLE_META_PAGE))
		check_finding(check, RULE_PAGE_TABLE, table->frame,
			      "a frame that the kernel keeps for itself",
			      check_describe(check, &slot).text);
	else if (check->table_type >= 0 && type != check->table_type)
		check_finding(check, RULE_PAGE_TABLE, table->frame,
			      TEXT("one of %s", check->view->types[check->table_type].name),
			      check_describe(check, &slot).text);
	else if (check->table_type >= 0)
		check_table_meta(tables, table, &slot);
	tables->typed += is_table(check, &slot);
}

/* Reports the frames that are tables by their type but that no path from the root reaches. */
static void check_lost_tables(struct table_check *tables)
{
	struct check *check = tables->check;
	struct meta_slot slot;

	if (tables->typed == check->typed_tables || tables->walk.is_cut ||
	    check->rules == CHECK_ANY_INSTANT)
		return;
	for (uint64_t frame = 0; frame < check->view->slot_count; frame++) {
		if (!(check->marks[frame] & MARK_MAPPABLE) ||
		    page_walk_table(&tables->walk, frame) ||
		    !check_read_slot(check, frame, &slot) || !is_table(check, &slot))
			continue;
		check_finding(check, RULE_LOST_TABLE, frame, "an entry that points at it",
			      TEXT("none; %s, generation %u", check_describe(check, &slot).text,
				   slot_state_generation(slot.state)));
	}
}

static void set_windows(struct table_check *tables)
{
	const struct guest_view *view = tables->check->view;
	const uint64_t array_start = align_down(view->array.addr, PAGE_SIZE);
	const uint64_t array_end =
		align_up(view->array.addr + view->slot_count * SLOT_SIZE, PAGE_SIZE);

	if (view->kernel_end.addr > view->kernel_start.addr)
		tables->windows[WINDOW_KERNEL] =
			(struct window){.name = "kernel",
					.va = view->kernel_start.addr + view->va_offset,
					.size = view->kernel_end.addr - view->kernel_start.addr,
					.pa = view->kernel_start.addr};
	if (view->linear_va)
		tables->windows[WINDOW_LINEAR] =
			(struct window){.name = "linear",
					.va = view->linear_va,
					.size = view->slot_count * PAGE_SIZE};
	if (view->array_va)
		tables->windows[WINDOW_METADATA] =
			(struct window){.name = "metadata",
					.va = view->array_va - (view->array.addr - array_start),
					.size = array_end - array_start,
					.pa = array_start};
}

static void check_windows(struct table_check *tables)
{
	for (unsigned i = 0; i < WINDOW_COUNT && !tables->walk.is_cut; i++) {
		const struct window *window = &tables->windows[i];

		if (window->mapped != window->size)
			check_finding(tables->check, RULE_MAPPING, FRAME_NUMBER_NONE,
				      TEXT("%s: %" PRIu64 " pages mapped", window->name,
					   window->size / PAGE_SIZE),
				      TEXT("%" PRIu64, window->mapped / PAGE_SIZE));
	}
}

int check_page_table(struct check *check, struct error *err)
{
	struct table_check tables = {
		.check = check,
		.walk = {.memory = check->memory,
			 .frame_count = check->view->slot_count,
			 .on_entry = check_entry,
			 .on_problem = add_problem},
	};

	tables.walk.context = &tables;
	set_windows(&tables);

	int result = page_walk(&tables.walk, check->view->page_table, err);

	if (result == 0) {
		check->summary->tables = tables.walk.table_count;
		check->summary->has_all_tables = !tables.walk.is_cut;
		page_walk_tables(&tables.walk, check_table);
		check_lost_tables(&tables);
		check_windows(&tables);
	}
	page_walk_end(&tables.walk);
	return result;
}
