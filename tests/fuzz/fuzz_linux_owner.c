/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the ways from a Linux guest's page to its owner: address space, inode and names; caches; the list of processes. Input:
 * changes to the objects, each two bytes of a word's number, one byte that says what kind of value, and eight bytes of it.
 */
#include <string.h>

#include <pagevisor/x86.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/file_name.h"
#include "kind/linux/processes.h"
#include "kind/linux/slab_cache.h"
#include "unit/crafted_linux.h"

#define VA     (LINUX_MAP_BASE + 0x1000000)
#define PA     UINT64_C(0x100000)
#define PAGES  2
#define BYTES  (PAGES * PAGE_SIZE)
#define STEP   128 /* objects lie at its multiples */
#define CHANGE 11

#define WORD(at)                                                                                   \
	{                                                                                          \
		.offset = (at), .size = 8                                                          \
	}
#define HALF(at)                                                                                   \
	{                                                                                          \
		.offset = (at), .size = 4                                                          \
	}

/* All objects are of a small size, and may be one another. */
static const struct owner_fields fields = {
	.cache_name = WORD(0),
	.cache_list = {.offset = 8, .size = 16},
	.mapping_host = WORD(0),
	.inode_mapping = WORD(8),
	.inode_data = {.offset = 64, .size = 64},
	.inode_number = WORD(16),
	.inode_device = HALF(24),
	.inode_links = HALF(28),
	.inode_names = WORD(32),
	.inode_super = WORD(40),
	.super_type = WORD(0),
	.type_name = WORD(0),
	.super_mounts = {.offset = 8, .size = 16},
	.mount_instance = {.offset = 0, .size = 16},
	.mount_root = WORD(16),
	.mount_point = WORD(24),
	.mount_parent = WORD(32),
	.dentry_alias = {.offset = 48, .size = 16},
	.dentry_parent = WORD(0),
	.dentry_inode = WORD(8),
	.dentry_name = WORD(16),
	.dentry_length = HALF(24),
	.task_list = {.offset = 8, .size = 16},
	.task_pid = HALF(0),
	.task_name = {.offset = 32, .size = 16},
	.task_memory = WORD(24),
	.counters = {.offset = 0, .size = 4 * 16},
	.counter_size = 16,
	.counter_sum = WORD(0),
	.counter_parts = WORD(8),
	.counter_index = {0, 1, 2, 3},
};

static struct crafted_linux machine;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	linux_make(&machine, 4);
	linux_map(&machine, &machine.space, VA, PA, PAGES, 0);
	return 0;
}

static void put(uint64_t at, uint64_t value)
{
	memcpy(machine.ram + PA + at % BYTES / sizeof(value) * sizeof(value), &value,
	       sizeof(value));
}

/* Values are often addresses of objects or of words in them: few others lead anywhere. */
static void overlay(const uint8_t *data, size_t size)
{
	memset(machine.ram + PA, 0, BYTES);
	for (; size >= CHANGE; data += CHANGE, size -= CHANGE) {
		uint16_t number;
		uint64_t value;

		memcpy(&number, data, sizeof(number));
		memcpy(&value, data + 3, sizeof(value));
		if (data[2] % 4 == 1)
			value = VA + value % (BYTES / STEP) * STEP;
		else if (data[2] % 4 == 2)
			value = VA + value % BYTES / sizeof(value) * sizeof(value);
		put(number * sizeof(value), value);
	}
}

static void check_file(uint64_t mapping)
{
	static struct linux_file file;
	uint64_t inode;
	bool is_file;

	memset(&file, 0xff, sizeof(file));
	is_file = linux_file_of(&machine.space, &fields, mapping, &file);
	FUZZ_CHECK(is_file == linux_file_inode(&machine.space, &fields, mapping, &inode));
	if (!is_file)
		return;
	FUZZ_CHECK(kernel_is_object(&machine.space, inode));
	FUZZ_CHECK(strnlen(file.type, sizeof(file.type)) < sizeof(file.type));
	FUZZ_CHECK(strnlen(file.path, sizeof(file.path)) < sizeof(file.path));
}

struct seen {
	unsigned count;
};

static int see(void *own, const struct linux_process *process)
{
	struct seen *seen = own;

	FUZZ_CHECK(strnlen(process->name, sizeof(process->name)) < sizeof(process->name));
	FUZZ_CHECK(++seen->count <= PROCESSES_MAX);
	/* A long walk is no news. */
	return seen->count == 256;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct linux_kernel kernel;
	char name[SLAB_NAME_SIZE];
	struct seen seen = {0};
	struct error err;
	bool is_complete;

	overlay(data, size);
	for (uint64_t at = 0; at < BYTES; at += STEP) {
		check_file(VA + at);
		check_file(VA + at + fields.inode_data.offset);
		if (slab_cache_name(&machine.space, &fields, VA + at, name))
			FUZZ_CHECK(name[0] && strnlen(name, sizeof(name)) < sizeof(name));
	}
	kernel.found.space = machine.space;
	kernel.symbols.init_task = VA;
	FUZZ_CHECK(linux_processes(&kernel, &fields, see, &seen, &is_complete, &err) >= 0);
	return 0;
}
