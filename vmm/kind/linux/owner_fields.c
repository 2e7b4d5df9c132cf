/* SPDX-License-Identifier: MPL-2.0 */
/* Looks up the fields that lead from a page to its owner: see owner_fields.h. */
#include "kind/linux/owner_fields.h"

#include <string.h>

#include <bpf/btf.h>

#include "kind/linux/linux_btf.h"

#define STACK_SIZE 16384

enum owner_type {
	TYPE_CACHE,
	TYPE_MAPPING,
	TYPE_NODE,
	TYPE_INODE,
	TYPE_SUPER,
	TYPE_FS,
	TYPE_MOUNT,
	TYPE_DENTRY,
	TYPE_TASK,
	TYPE_SIGNAL,
	TYPE_MEMORY,
	TYPE_COUNTER,
	TYPE_ZONE,
	TYPE_QUEUE,
	TYPE_STACK,
	TYPES,
};

#define FIELD(type, member, path)                                                                  \
	{                                                                                          \
		type, offsetof(struct owner_fields, member), path                                  \
	}

/* The first path that the kernel has counts. */
static const struct {
	enum owner_type type;
	size_t offset;
	const char *path;
} wanted[] = {
	FIELD(TYPE_CACHE, cache_name, "name"),
	FIELD(TYPE_CACHE, cache_list, "list"),
	FIELD(TYPE_MAPPING, mapping_host, "host"),
	FIELD(TYPE_MAPPING, mapping_pages, "i_pages.xa_head"),
	FIELD(TYPE_NODE, node_shift, "shift"),
	FIELD(TYPE_NODE, node_slots, "slots"),
	FIELD(TYPE_INODE, inode_mapping, "i_mapping"),
	FIELD(TYPE_INODE, inode_data, "i_data"),
	FIELD(TYPE_INODE, inode_number, "i_ino"),
	FIELD(TYPE_INODE, inode_device, "i_rdev"),
	FIELD(TYPE_INODE, inode_links, "i_nlink"),
	FIELD(TYPE_INODE, inode_generation, "i_generation"),
	FIELD(TYPE_INODE, inode_names, "i_dentry"),
	FIELD(TYPE_INODE, inode_super, "i_sb"),
	FIELD(TYPE_SUPER, super_device, "s_dev"),
	FIELD(TYPE_SUPER, super_type, "s_type"),
	FIELD(TYPE_FS, type_name, "name"),
	FIELD(TYPE_SUPER, super_mounts, "s_mounts"),
	FIELD(TYPE_MOUNT, mount_instance, "mnt_instance"),
	FIELD(TYPE_MOUNT, mount_next, "mnt_next_for_sb"),
	FIELD(TYPE_MOUNT, mount_root, "mnt.mnt_root"),
	FIELD(TYPE_MOUNT, mount_point, "mnt_mountpoint"),
	FIELD(TYPE_MOUNT, mount_parent, "mnt_parent"),
	FIELD(TYPE_DENTRY, dentry_alias, "d_u.d_alias"),
	FIELD(TYPE_DENTRY, dentry_alias, "d_alias"),
	FIELD(TYPE_DENTRY, dentry_parent, "d_parent"),
	FIELD(TYPE_DENTRY, dentry_inode, "d_inode"),
	FIELD(TYPE_DENTRY, dentry_name, "d_name.name"),
	FIELD(TYPE_DENTRY, dentry_length, "d_name.len"),
	FIELD(TYPE_TASK, task_list, "tasks"),
	FIELD(TYPE_TASK, task_pid, "pid"),
	FIELD(TYPE_TASK, task_name, "comm"),
	FIELD(TYPE_TASK, task_start, "start_time"),
	FIELD(TYPE_TASK, task_memory, "mm"),
	FIELD(TYPE_TASK, task_signal, "signal"),
	FIELD(TYPE_TASK, task_threads, "thread_node"),
	FIELD(TYPE_TASK, task_stack, "stack"),
	FIELD(TYPE_SIGNAL, signal_threads, "thread_head"),
	FIELD(TYPE_QUEUE, queue_idle, "idle"),
	FIELD(TYPE_MEMORY, memory_tables, "pgd"),
	FIELD(TYPE_MEMORY, counters, "rss_stat.count"),
	FIELD(TYPE_MEMORY, counters, "rss_stat"),
	FIELD(TYPE_COUNTER, counter_sum, "count"),
	FIELD(TYPE_COUNTER, counter_parts, "counters"),
	FIELD(TYPE_ZONE, zone_name, "name"),
	FIELD(TYPE_ZONE, zone_managed, "managed_pages"),
	FIELD(TYPE_ZONE, zone_present, "present_pages"),
};

/* The counters' enumeration has no name: it is found by its own. */
static bool find_counters(const struct btf *btf, uint32_t index[COUNTERS], uint32_t *count)
{
	static const char *const names[COUNTERS] = {"MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS",
						    "MM_SHMEMPAGES"};
	uint32_t end = btf__type_cnt(btf);
	int64_t value;

	for (uint32_t id = 1; id < end; id++) {
		if (!btf_is_any_enum(btf__type_by_id(btf, id)) ||
		    !linux_btf_enumerator(btf, id, names[0], &value))
			continue;
		for (unsigned i = 0; i < COUNTERS; i++) {
			if (!linux_btf_enumerator(btf, id, names[i], &value) || value < 0 ||
			    value >= COUNTERS)
				return false;
			index[i] = (uint32_t)value;
		}
		if (!linux_btf_enumerator(btf, id, "NR_MM_COUNTERS", &value) || value < COUNTERS ||
		    value > UINT8_MAX)
			return false;
		*count = (uint32_t)value;
		return true;
	}
	return false;
}

/* Until 6.1 a counter is one word; since 6.2 it has a part for each CPU. */
static void read_counters_of(const struct btf *btf, uint32_t counter_type,
			     struct owner_fields *fields)
{
	uint32_t count;

	if (fields->counters.size == 0)
		return;
	if (!find_counters(btf, fields->counter_index, &count) ||
	    fields->counters.size % count != 0) {
		fields->counters.size = 0;
		return;
	}
	fields->counter_size = fields->counters.size / count;
	if (fields->counter_size == sizeof(uint64_t)) {
		fields->counter_sum = (struct kernel_field){.size = sizeof(uint64_t)};
		fields->counter_parts = (struct kernel_field){0};
	} else if (fields->counter_size != linux_btf_size(btf, counter_type) ||
		   fields->counter_sum.size != sizeof(uint64_t)) {
		fields->counters.size = 0;
	}
}

/* Not every kernel's BTF has the union. THREAD_SIZE_ORDER is 2, and one more with KASAN (arch/x86/include/asm/page_64_types.h). */
static uint32_t stack_size(const struct btf *btf, uint32_t stack, uint32_t task)
{
	uint32_t size = linux_btf_size(btf, stack);

	if (size == 0)
		size = kernel_field_of(btf, task, "kasan_depth").size ? 2 * STACK_SIZE : STACK_SIZE;
	return size;
}

bool owner_fields_read(const struct linux_kernel *kernel, struct owner_fields *fields)
{
	struct linux_type types[TYPES] = {
		[TYPE_CACHE] = {BTF_KIND_STRUCT, "kmem_cache", 0},
		[TYPE_MAPPING] = {BTF_KIND_STRUCT, "address_space", 0},
		[TYPE_NODE] = {BTF_KIND_STRUCT, "xa_node", 0},
		[TYPE_INODE] = {BTF_KIND_STRUCT, "inode", 0},
		[TYPE_SUPER] = {BTF_KIND_STRUCT, "super_block", 0},
		[TYPE_FS] = {BTF_KIND_STRUCT, "file_system_type", 0},
		[TYPE_MOUNT] = {BTF_KIND_STRUCT, "mount", 0},
		[TYPE_DENTRY] = {BTF_KIND_STRUCT, "dentry", 0},
		[TYPE_TASK] = {BTF_KIND_STRUCT, "task_struct", 0},
		[TYPE_SIGNAL] = {BTF_KIND_STRUCT, "signal_struct", 0},
		[TYPE_MEMORY] = {BTF_KIND_STRUCT, "mm_struct", 0},
		[TYPE_COUNTER] = {BTF_KIND_STRUCT, "percpu_counter", 0},
		[TYPE_ZONE] = {BTF_KIND_STRUCT, "zone", 0},
		[TYPE_QUEUE] = {BTF_KIND_STRUCT, "rq", 0},
		[TYPE_STACK] = {BTF_KIND_UNION, "thread_union", 0},
	};

	*fields = (struct owner_fields){0};
	if (!kernel->btf)
		return false;
	linux_btf_find(kernel->btf, types, TYPES);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct kernel_field field, *to = (void *)((char *)fields + wanted[i].offset);

		field = kernel_field_of(kernel->btf, types[wanted[i].type].id, wanted[i].path);
		if (to->size == 0 && field.size != 0)
			*to = field;
	}
	read_counters_of(kernel->btf, types[TYPE_COUNTER].id, fields);
	fields->stack_size = stack_size(kernel->btf, types[TYPE_STACK].id, types[TYPE_TASK].id);
	return true;
}
