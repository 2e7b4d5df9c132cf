/* SPDX-License-Identifier: MPL-2.0 */
/* The fields that lead from a page to its owner, looked up once. Each may be "not here". */
#ifndef VMM_LINUX_OWNER_FIELDS_H
#define VMM_LINUX_OWNER_FIELDS_H

#include "kind/linux/kernel_fields.h"
#include "kind/linux/linux_kernel.h"

/* The kernel's order (include/linux/mm_types_task.h), which the numbers in BTF need not have. */
enum memory_counter {
	COUNTER_FILE,
	COUNTER_ANON,
	COUNTER_SWAP,
	COUNTER_SHMEM,
	COUNTERS,
};

struct owner_fields {
	/* struct kmem_cache. */
	struct kernel_field cache_name, cache_list;
	/* From an address space to its pages: an xarray and its nodes. */
	struct kernel_field mapping_pages, node_shift, node_slots;
	/* From an address space to the path of its file. */
	struct kernel_field mapping_host, inode_mapping, inode_data, inode_number, inode_device,
		inode_links, inode_generation, inode_names, inode_super, super_device, super_type,
		type_name;
	struct kernel_field dentry_alias, dentry_parent, dentry_inode, dentry_name, dentry_length;
	/* Where file systems are mounted: a list, or in newer kernels pointers. */
	struct kernel_field super_mounts, mount_instance, mount_next, mount_root, mount_point,
		mount_parent;
	/* From a process to what it has. */
	struct kernel_field task_list, task_pid, task_name, task_start, task_memory;
	struct kernel_field task_signal, task_threads, signal_threads; /* of one process */
	struct kernel_field task_stack,
		queue_idle;                /* in the kernel; a CPU's own thread, of its struct rq */
	uint32_t stack_size;               /* bytes; 0: not known */
	struct kernel_field memory_tables; /* of struct mm_struct: where its top page table is */
	struct kernel_field counters;      /* of struct mm_struct: an array */
	uint32_t counter_size;             /* of one of its elements */
	/* Of an element, since 6.2: its sum, and what is missing in it, by CPU. */
	struct kernel_field counter_sum, counter_parts;
	uint32_t counter_index[COUNTERS];
	/* struct zone. */
	struct kernel_field zone_name, zone_managed, zone_present;
};

/* Returns false if the kernel's types are not known at all. */
bool owner_fields_read(const struct linux_kernel *kernel, struct owner_fields *fields);

#endif
