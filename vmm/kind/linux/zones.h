/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The zones of the page allocator and what they have free: the counts that /proc/buddyinfo prints, and those of the lists
 * of each CPU, read while the guest changes them. VMCOREINFO says where zones are, BTF where the lists are.
 */
#ifndef VMM_LINUX_ZONES_H
#define VMM_LINUX_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "kind/free_counts.h"
#include "kind/linux/linux_kernel.h"

/* Adds up what is free in all zones of all nodes; without BTF the lists of CPUs are left out. Sets counts->why if that cannot be known. */
void linux_free_counts(const struct linux_kernel *kernel, struct free_counts *counts);

#define LIST_HEAD_SIZE 16 /* bytes of a struct list_head */

/* Where a kernel's zones and their lists are: offsets and lengths, checked. */
struct zone_layout {
	uint64_t nodes; /* virtual address of the pointers to nodes, or of the only node */
	uint64_t node_count;
	bool is_one_node;
	uint64_t zones_offset, zone_count_offset, zone_size;
	/* Of a zone: an area for each order, with a list for each migrate type and a count. */
	uint64_t areas_offset, area_size, free_lists_offset, free_lists, count_offset;
	unsigned orders;
	/*
	 * The lists of CPUs: a per-CPU pointer in the zone; in what it points at a count, and the lists, 0 of them: not
	 * known. 0 CPUs: nothing of it is known.
	 */
	unsigned cpus;     /* that are counted: GUEST_CPUS_MAX at most */
	unsigned all_cpus; /* whose lists can be walked */
	uint64_t lists_offset, list_count_offset, cpu_lists_offset, cpu_lists;
	unsigned cpu_list_types; /* lists of one order: MIGRATE_PCPTYPES; 0: not known */
	/* Spinlocks of 4 bytes: of a zone and its areas; of a CPU's lists. */
	bool has_lock, has_cpu_lock;
	uint64_t lock_offset, cpu_lock_offset;
};

/* A zone while it is visited. */
struct linux_zone {
	const struct zone_layout *layout;
	uint64_t node, va;
	unsigned index;          /* in its node: what pages' flags have */
	struct free_counts free; /* its own */
};

/* Returns false to end the walk. */
typedef bool linux_zone_visit(void *own, const struct linux_zone *zone);

/* Where the kernel has them, which stays so as long as it runs. Returns 0, or -ENODATA with a text. */
int linux_zone_layout(const struct linux_kernel *kernel, struct zone_layout *layout,
		      struct error *err);

/*
 * Visits all zones of all nodes, also those without memory. Returns 0, also if the visitor ended it, or with a text -ENODATA
 * (the kernel does not say where they are), -EPROTO (they contradict themselves).
 */
int linux_zones(const struct linux_kernel *kernel, linux_zone_visit *visit, void *own,
		struct error *err);

/* The same with a layout that was read before. */
int linux_zones_of(const struct linux_kernel *kernel, const struct zone_layout *layout,
		   linux_zone_visit *visit, void *own, struct error *err);

#endif
