/* SPDX-License-Identifier: MPL-2.0 */
/* Free blocks by zone: see zones.h. The kernel's mm/page_alloc.c and include/linux/mmzone.h define the structures. */
#include "kind/linux/zones.h"

#include <errno.h>
#include <string.h>

#include <linux/btf.h>

#include "kind/guest.h"
#include "kind/linux/kernel_fields.h"
#include "kind/linux/linux_btf.h"

#define NODES_MAX     1024
#define ZONES_ALL_MAX 512 /* of all nodes */
#define ZONES_MAX     8
#define ZONE_SIZE_MAX 65536
#define MIGRATE_MAX   32
#define CPU_LISTS_MAX 256

static bool read_areas(const struct vmcoreinfo *info, struct zone_layout *layout)
{
	uint64_t orders;

	if (!vmcoreinfo_size(info, "zone", &layout->zone_size) ||
	    !vmcoreinfo_offset(info, "zone.free_area", &layout->areas_offset) ||
	    !vmcoreinfo_length(info, "zone.free_area", &orders) ||
	    !vmcoreinfo_size(info, "free_area", &layout->area_size) ||
	    !vmcoreinfo_offset(info, "free_area.free_list", &layout->free_lists_offset) ||
	    !vmcoreinfo_length(info, "free_area.free_list", &layout->free_lists))
		return false;
	if (orders == 0 || orders > FREE_ORDERS_MAX || layout->free_lists > MIGRATE_MAX ||
	    layout->zone_size > ZONE_SIZE_MAX || layout->area_size > ZONE_SIZE_MAX ||
	    layout->free_lists_offset > ZONE_SIZE_MAX || layout->areas_offset > layout->zone_size)
		return false;
	layout->orders = (unsigned)orders;
	layout->count_offset = layout->free_lists_offset + layout->free_lists * LIST_HEAD_SIZE;
	return layout->count_offset + sizeof(uint64_t) <= layout->area_size &&
	       layout->areas_offset + orders * layout->area_size <= layout->zone_size;
}

/* Zero if nobody holds it. Locks of other configurations are larger. */
static bool find_lock(const struct btf *btf, uint32_t id, uint64_t *offset)
{
	struct kernel_field lock = kernel_field_of(btf, id, "lock.rlock.raw_lock.val");

	*offset = lock.offset;
	return lock.size == sizeof(uint32_t);
}

/* Where the lists of CPUs are, in the words of 5.14 and later, or else of earlier kernels. */
static void read_lists(const struct linux_kernel *kernel, struct zone_layout *layout)
{
	struct linux_type types[] = {{BTF_KIND_STRUCT, "zone", 0},
				     {BTF_KIND_STRUCT, "per_cpu_pages", 0},
				     {BTF_KIND_STRUCT, "per_cpu_pageset", 0},
				     {BTF_KIND_ENUM, "migratetype", 0}};
	struct linux_member lists, count, all, pages = {0};
	const struct btf *btf = kernel->btf;
	int64_t list_types;

	if (!btf)
		return;
	linux_btf_find(btf, types, sizeof(types) / sizeof(types[0]));
	layout->has_lock = find_lock(btf, types[0].id, &layout->lock_offset);
	if (!kernel->symbols.per_cpu_offset)
		return;
	if (!linux_btf_member(btf, types[1].id, "count", &count) || count.size != 4)
		return;
	if (!linux_btf_member(btf, types[0].id, "per_cpu_pageset", &lists) &&
	    (!linux_btf_member(btf, types[0].id, "pageset", &lists) ||
	     !linux_btf_member(btf, types[2].id, "pcp", &pages)))
		return;
	layout->lists_offset = lists.offset;
	layout->list_count_offset = pages.offset + count.offset;
	if (linux_btf_member(btf, types[1].id, "lists", &all) &&
	    all.size / LIST_HEAD_SIZE <= CPU_LISTS_MAX) {
		layout->cpu_lists_offset = pages.offset + all.offset;
		layout->cpu_lists = all.size / LIST_HEAD_SIZE;
	}
	if (linux_btf_enumerator(btf, types[3].id, "MIGRATE_PCPTYPES", &list_types) &&
	    list_types > 0 && list_types <= MIGRATE_MAX)
		layout->cpu_list_types = (unsigned)list_types;
	layout->has_cpu_lock = find_lock(btf, types[1].id, &layout->cpu_lock_offset);
	layout->cpu_lock_offset += pages.offset;
	layout->cpus = layout->all_cpus = linux_cpus_max(kernel);
	if (layout->cpus > GUEST_CPUS_MAX)
		layout->cpus = GUEST_CPUS_MAX;
}

static bool read_layout(const struct linux_kernel *kernel, struct zone_layout *layout)
{
	const struct vmcoreinfo *info = &kernel->found.info;

	*layout = (struct zone_layout){.node_count = 1};
	read_lists(kernel, layout);
	if (vmcoreinfo_symbol(info, "node_data", &layout->nodes)) {
		if (!vmcoreinfo_length(info, "node_data", &layout->node_count) ||
		    layout->node_count > NODES_MAX)
			return false;
	} else if (vmcoreinfo_symbol(info, "contig_page_data", &layout->nodes)) {
		layout->is_one_node = true;
	} else {
		return false;
	}
	return vmcoreinfo_offset(info, "pglist_data.node_zones", &layout->zones_offset) &&
	       vmcoreinfo_offset(info, "pglist_data.nr_zones", &layout->zone_count_offset) &&
	       layout->zones_offset < ZONE_SIZE_MAX * ZONES_MAX &&
	       layout->zone_count_offset < ZONE_SIZE_MAX * ZONES_MAX && read_areas(info, layout);
}

/* Adds the free blocks of one zone. Returns false if it cannot be read, or has more than there is. */
static bool add_zone(const struct linux_kernel *kernel, const struct zone_layout *layout,
		     uint64_t zone, struct free_counts *counts)
{
	uint8_t areas[ZONE_SIZE_MAX];
	size_t size = layout->orders * layout->area_size;

	if (kernel_space_copy(&kernel->found.space, zone + layout->areas_offset, areas, size) < 0)
		return false;
	for (unsigned order = 0; order < layout->orders; order++) {
		uint64_t blocks;

		memcpy(&blocks, areas + order * layout->area_size + layout->count_offset,
		       sizeof(blocks));
		if (blocks > kernel->array.frame_count >> order)
			return false;
		counts->blocks[order] += blocks;
		counts->free_frames += blocks << order;
	}
	return true;
}

/* Adds what lies on the CPUs' lists of one zone. Returns false as add_zone does. */
static bool add_lists(const struct linux_kernel *kernel, const struct zone_layout *layout,
		      uint64_t zone, struct free_counts *counts)
{
	const struct kernel_space *space = &kernel->found.space;
	uint64_t lists;

	if (layout->cpus == 0)
		return true;
	if (kernel_space_word(space, zone + layout->lists_offset, &lists) < 0)
		return false;
	for (unsigned cpu = 0; cpu < layout->cpus; cpu++) {
		uint64_t offset;
		uint32_t count;

		if (kernel_space_word(space, kernel->symbols.per_cpu_offset + cpu * sizeof(offset),
				      &offset) < 0 ||
		    kernel_space_copy(space, lists + offset + layout->list_count_offset, &count,
				      sizeof(count)) < 0 ||
		    count > kernel->array.frame_count)
			return false;
		counts->cached[cpu] += count;
		counts->free_frames += count;
	}
	return true;
}

/* Where a walk has come to. */
struct walk {
	const struct linux_kernel *kernel;
	const struct zone_layout *layout;
	linux_zone_visit *visit;
	void *own;
	bool is_over;
	unsigned zones;
	uint64_t free_frames; /* of all zones so far: one zone must not count twice */
};

static bool walk_node(struct walk *walk, uint64_t number, uint64_t node)
{
	const struct linux_kernel *kernel = walk->kernel;
	const struct zone_layout *layout = walk->layout;
	uint32_t zones;

	if (!kernel_space_is_kernel_va(&kernel->found.space, node) ||
	    kernel_space_copy(&kernel->found.space, node + layout->zone_count_offset, &zones,
			      sizeof(zones)) < 0 ||
	    zones > ZONES_MAX)
		return false;
	for (uint32_t i = 0; i < zones && !walk->is_over; i++) {
		struct linux_zone zone = {
			.layout = layout,
			.node = number,
			.index = i,
			.va = node + layout->zones_offset + i * layout->zone_size,
		};

		if (!add_zone(kernel, layout, zone.va, &zone.free) ||
		    !add_lists(kernel, layout, zone.va, &zone.free))
			return false;
		walk->free_frames += zone.free.free_frames;
		if (++walk->zones > ZONES_ALL_MAX || walk->free_frames > kernel->array.frame_count)
			return false;
		walk->is_over = !walk->visit(walk->own, &zone);
	}
	return true;
}

static bool walk_nodes(struct walk *walk)
{
	const struct zone_layout *layout = walk->layout;

	if (layout->is_one_node)
		return walk_node(walk, 0, layout->nodes);
	for (uint64_t i = 0; i < layout->node_count && !walk->is_over; i++) {
		uint64_t node;

		if (kernel_space_word(&walk->kernel->found.space, layout->nodes + i * sizeof(node),
				      &node) < 0)
			return false;
		if (node && !walk_node(walk, i, node))
			return false;
	}
	return true;
}

int linux_zones_of(const struct linux_kernel *kernel, const struct zone_layout *layout,
		   linux_zone_visit *visit, void *own, struct error *err)
{
	struct walk walk = {.kernel = kernel, .layout = layout, .visit = visit, .own = own};

	return walk_nodes(&walk) ? 0 : error_set(err, -EPROTO, "its zones contradict themselves");
}

int linux_zone_layout(const struct linux_kernel *kernel, struct zone_layout *layout,
		      struct error *err)
{
	return read_layout(kernel, layout)
		       ? 0
		       : error_set(err, -ENODATA, "its VMCOREINFO does not say where zones are");
}

int linux_zones(const struct linux_kernel *kernel, linux_zone_visit *visit, void *own,
		struct error *err)
{
	struct zone_layout layout;
	int result = linux_zone_layout(kernel, &layout, err);

	return result < 0 ? result : linux_zones_of(kernel, &layout, visit, own, err);
}

static bool add_counts(void *own, const struct linux_zone *zone)
{
	struct free_counts *counts = own;

	for (unsigned i = 0; i < FREE_ORDERS_MAX; i++)
		counts->blocks[i] += zone->free.blocks[i];
	for (unsigned i = 0; i < GUEST_CPUS_MAX; i++)
		counts->cached[i] += zone->free.cached[i];
	counts->free_frames += zone->free.free_frames;
	return true;
}

void linux_free_counts(const struct linux_kernel *kernel, struct free_counts *counts)
{
	struct zone_layout layout;

	if (linux_zone_layout(kernel, &layout, &counts->why) < 0)
		return;
	counts->orders = layout.orders;
	counts->caches = layout.cpus;
	counts->is_known = linux_zones_of(kernel, &layout, add_counts, counts, &counts->why) == 0;
}
