/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of who has a Linux guest's pages: kind/linux/file_name.h, slab_cache.h, processes.h, kernel_fields.h, over objects that lie
 * in crafted memory and contradict each other.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "kind/linux/file_name.h"
#include "kind/linux/linux_btf.h"
#include "kind/linux/pointer_sums.h"
#include "kind/linux/processes.h"
#include "kind/linux/slab_cache.h"
#include "unit/crafted_linux.h"
#include "unit/linux_kernels.h"

#define VA    (LINUX_MAP_BASE + 0x1000000)
#define PA    UINT64_C(0x100000)
#define PAGES 512
#define END   (VA + PAGES * PAGE_SIZE)

/* Objects lie at multiples of this. */
#define OBJECT(i) (VA + 0x200 * (uint64_t)(i))
#define INODE     OBJECT(0)
#define SUPER     OBJECT(1)
#define TYPE      OBJECT(2)
#define TEXTS     OBJECT(3)
#define CACHE     OBJECT(8)
#define DENTRY(i) OBJECT(16 + (i))
#define TASK(i)   OBJECT(16 + (i))
#define MEMORY    OBJECT(15)
#define NAMES     (VA + 256 * PAGE_SIZE) /* of 256 bytes each */

#define WORD(at)                                                                                   \
	{                                                                                          \
		.offset = (at), .size = 8                                                          \
	}

static const struct owner_fields fields = {
	.cache_name = WORD(0),
	.cache_list = {.offset = 8, .size = 16},
	.mapping_host = WORD(0),
	.inode_mapping = WORD(0),
	.inode_data = {.offset = 64, .size = 128},
	.inode_number = WORD(8),
	.inode_device = {.offset = 16, .size = 4},
	.inode_links = {.offset = 20, .size = 4},
	.inode_names = WORD(24),
	.inode_super = WORD(32),
	.super_type = WORD(0),
	.type_name = WORD(0),
	.super_mounts = {.offset = 8, .size = 16},
	.mount_instance = {.offset = 0, .size = 16},
	.mount_next = WORD(40),
	.mount_root = WORD(16),
	.mount_point = WORD(24),
	.mount_parent = WORD(32),
	.dentry_alias = {.offset = 48, .size = 16},
	.dentry_parent = WORD(0),
	.dentry_inode = WORD(8),
	.dentry_name = WORD(16),
	.dentry_length = {.offset = 24, .size = 4},
	.task_list = {.offset = 8, .size = 16},
	.task_pid = {.offset = 0, .size = 4},
	.task_name = {.offset = 32, .size = 16},
	.task_memory = WORD(24),
	.counters = {.offset = 0, .size = 4 * 24},
	.counter_size = 24,
	.counter_sum = WORD(0),
	.counter_parts = WORD(8),
	.counter_index = {0, 1, 2, 3},
};
#define MAPPING (INODE + fields.inode_data.offset)

static struct crafted_linux machine;
static struct linux_file file;

static void *at(uint64_t va)
{
	ck_assert_uint_ge(va, VA);
	ck_assert_uint_lt(va, END);
	return machine.ram + PA + (va - VA);
}

static void put(uint64_t va, uint64_t value)
{
	memcpy(at(va), &value, sizeof(value));
}

static void put_half(uint64_t va, uint32_t value)
{
	memcpy(at(va), &value, sizeof(value));
}

static void put_text(uint64_t va, const char *text)
{
	memcpy(at(va), text, strlen(text) + 1);
}

/* Number i, called by a name of its own; a parent that is itself is a root. */
static void put_dentry(unsigned i, unsigned parent, const char *name)
{
	put(DENTRY(i), DENTRY(parent));
	put(DENTRY(i) + 16, NAMES + 256 * (uint64_t)i);
	put_half(DENTRY(i) + 24, (uint32_t)strlen(name));
	put_text(NAMES + 256 * (uint64_t)i, name);
}

/* "ext4 /usr/file", of inode 77. */
static void put_file(void)
{
	put(MAPPING, INODE);
	put(INODE, MAPPING);
	put(INODE + 8, 77);
	put_half(INODE + 20, 1);
	put(INODE + 24, DENTRY(0) + fields.dentry_alias.offset);
	put(INODE + 32, SUPER);
	put(SUPER, TYPE);
	put(TYPE, TEXTS);
	put_text(TEXTS, "ext4");
	put_dentry(0, 1, "file");
	put(DENTRY(0) + 8, INODE);
	put_dentry(1, 2, "usr");
	put_dentry(2, 2, "/");
}

#define MOUNT(i) OBJECT(100 + (i))

/* Mounts 0 on 1, which is nobody's, at "/mnt" of it. */
static void put_mounts(void)
{
	put(SUPER + 8, MOUNT(0));
	put(SUPER + 16, MOUNT(0));
	put(MOUNT(0), SUPER + 8);
	put(MOUNT(0) + 8, SUPER + 8);
	put(MOUNT(0) + 16, DENTRY(2));
	put(MOUNT(0) + 24, DENTRY(3));
	put(MOUNT(0) + 32, MOUNT(1));
	put(MOUNT(1) + 16, DENTRY(4));
	put(MOUNT(1) + 32, MOUNT(1));
	put_dentry(3, 4, "mnt");
	put_dentry(4, 4, "/");
}

static void setup(void)
{
	linux_make(&machine, 4);
	linux_map(&machine, &machine.space, VA, PA, PAGES, 0);
	put_file();
}

static void teardown(void)
{
	linux_free(&machine);
}

static void assert_path(const char *path)
{
	memset(&file, 'x', sizeof(file));
	ck_assert(linux_file_of(&machine.space, &fields, MAPPING, &file));
	ck_assert_str_eq(file.path, path);
}

START_TEST(files_have_paths)
{
	assert_path("/usr/file");
	ck_assert_str_eq(file.type, "ext4");
	ck_assert_uint_eq(file.number, 77);
	ck_assert(!file.is_deleted);
	put_half(INODE + 20, 0);
	assert_path("/usr/file");
	ck_assert(file.is_deleted);
	put_dentry(0, 0, "memfd:x");
	assert_path("memfd:x");
	ck_assert(!file.is_deleted);
	put(INODE + 24, 0);
	assert_path("inode 77");
	put_text(TEXTS, "bdev");
	put_half(INODE + 16, 8 << 20 | 1);
	assert_path("device 8:1");
	put(INODE + 32, 8);
	assert_path("inode 77");
	ck_assert_str_eq(file.type, "");
}
END_TEST

START_TEST(what_does_not_lead_back_is_no_file)
{
	/* By i_mapping, as a file whose pages belong to another inode has it. */
	const uint64_t other = OBJECT(5), wild[] = {0, 8, INODE + 4, END, UINT64_MAX - 7};

	put(other, INODE);
	ck_assert(!linux_file_of(&machine.space, &fields, other, &file));
	put(INODE, other);
	ck_assert(linux_file_of(&machine.space, &fields, other, &file));
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		put(other, wild[i]);
		ck_assert(!linux_file_of(&machine.space, &fields, other, &file));
		ck_assert(!linux_file_of(&machine.space, &fields, wild[i], &file));
	}
	/* A name of another inode's. */
	put(DENTRY(0) + 8, other);
	assert_path("inode 77");
}
END_TEST

START_TEST(names_are_bounded)
{
	char name[FILE_NAME_MAX + 2] = "";

	memset(name, 'n', FILE_NAME_MAX);
	put_dentry(0, 2, name);
	ck_assert(linux_file_of(&machine.space, &fields, MAPPING, &file));
	ck_assert_uint_eq(strlen(file.path), FILE_NAME_MAX + 1);
	put_half(DENTRY(0) + 24, FILE_NAME_MAX + 1);
	assert_path("inode 77");
	put_half(DENTRY(0) + 24, UINT32_MAX);
	assert_path("inode 77");
	/* Shorter than it says. */
	put_dentry(0, 1, "file");
	put_half(DENTRY(0) + 24, 5);
	assert_path("inode 77");
	/* At the end of what is mapped, and behind it. */
	put_half(DENTRY(0) + 24, 4);
	memcpy(at(END - 4), "last", 4);
	put(DENTRY(0) + 16, END - 4);
	assert_path("/usr/last");
	put(DENTRY(0) + 16, END - 3);
	assert_path("inode 77");
	put(DENTRY(0) + 16, 0x1000);
	assert_path("inode 77");
}
END_TEST

START_TEST(paths_end)
{
	char name[FILE_NAME_MAX + 1];

	/* Directories in a circle. */
	put_dentry(1, 0, "d");
	put(DENTRY(0) + 8, INODE);
	ck_assert(linux_file_of(&machine.space, &fields, MAPPING, &file));
	ck_assert_int_eq(strncmp(file.path, ".../d/file/d/file", 17), 0);
	/* A parent that is none. */
	put_dentry(1, 2, "usr");
	put(DENTRY(1), END);
	assert_path(".../usr/file");
	put(DENTRY(1), DENTRY(2) + 4);
	assert_path(".../file");
	/* Deeper than paths can be long. */
	memset(name, 'n', FILE_NAME_MAX);
	name[FILE_NAME_MAX] = '\0';
	for (unsigned i = 0; i < FILE_LEVELS_MAX - 1; i++)
		put_dentry(i, i + 1, name);
	put_dentry(FILE_LEVELS_MAX - 1, FILE_LEVELS_MAX - 1, "/");
	ck_assert(linux_file_of(&machine.space, &fields, MAPPING, &file));
	ck_assert_int_eq(strncmp(file.path, "...", 3), 0);
	ck_assert_uint_lt(strlen(file.path), FILE_PATH_SIZE);
	ck_assert_uint_gt(strlen(file.path), FILE_PATH_SIZE - FILE_NAME_MAX - 8);
}
END_TEST

START_TEST(levels_are_bounded)
{
	char wanted[FILE_PATH_SIZE] = "";

	for (unsigned i = 0; i < FILE_LEVELS_MAX; i++) {
		put_dentry(i, i + 1, "d");
		strcat(wanted, "/d");
	}
	put_dentry(FILE_LEVELS_MAX, FILE_LEVELS_MAX, "/");
	put(DENTRY(0) + 8, INODE);
	assert_path(wanted);
	put_dentry(FILE_LEVELS_MAX, FILE_LEVELS_MAX + 1, "d");
	put_dentry(FILE_LEVELS_MAX + 1, FILE_LEVELS_MAX + 1, "/");
	ck_assert(linux_file_of(&machine.space, &fields, MAPPING, &file));
	ck_assert_int_eq(strncmp(file.path, ".../d/d", 7), 0);
}
END_TEST

START_TEST(mounts_have_places)
{
	struct owner_fields newer = fields;

	put_mounts();
	assert_path("/mnt/usr/file");
	/* Newer kernels have no list. */
	newer.super_mounts.size = 8;
	ck_assert(linux_file_of(&machine.space, &newer, MAPPING, &file));
	ck_assert_str_eq(file.path, "/mnt/usr/file");
	/* Of a part of the file system only; circles of mounts; a place that is not under the parent's root. */
	put(MOUNT(0) + 16, DENTRY(1));
	assert_path("/usr/file");
	put(MOUNT(0) + 40, MOUNT(0));
	ck_assert(linux_file_of(&machine.space, &newer, MAPPING, &file));
	ck_assert_str_eq(file.path, "/usr/file");
	put(MOUNT(0) + 16, DENTRY(2));
	put(MOUNT(1) + 32, MOUNT(0));
	put(MOUNT(1) + 24, DENTRY(1));
	assert_path("/usr/file");
	put(MOUNT(1) + 32, MOUNT(1));
	put(MOUNT(1) + 16, DENTRY(5));
	assert_path("/usr/file");
	put(MOUNT(0) + 32, END);
	assert_path("/usr/file");
}
END_TEST

START_TEST(caches_are_listed)
{
	const uint64_t node = CACHE + fields.cache_list.offset, head = OBJECT(9);
	char name[SLAB_NAME_SIZE];

	put(CACHE, TEXTS);
	put(node, head);
	put(node + 8, head);
	put(head, node);
	put(head + 8, node);
	ck_assert(slab_cache_name(&machine.space, &fields, CACHE, name));
	ck_assert_str_eq(name, "ext4");
	ck_assert(!slab_cache_name(&machine.space, &fields, CACHE + 4, name));
	ck_assert(!slab_cache_name(&machine.space, &fields, END, name));
	put(head + 8, head);
	ck_assert(!slab_cache_name(&machine.space, &fields, CACHE, name));
	put(head + 8, node);
	/* Without an end. */
	memset(at(TEXTS), 'c', 0x200);
	ck_assert(slab_cache_name(&machine.space, &fields, CACHE, name));
	ck_assert_uint_eq(strlen(name), SLAB_NAME_SIZE - 1);
	put(CACHE, 0);
	ck_assert(!slab_cache_name(&machine.space, &fields, CACHE, name));
	put_text(TEXTS, "");
	put(CACHE, TEXTS);
	ck_assert(!slab_cache_name(&machine.space, &fields, CACHE, name));
}
END_TEST

#define LIST(i) (TASK(i) + fields.task_list.offset)

/* Tasks 0 .. count - 1 in a circle. */
static void put_tasks(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		put_half(TASK(i), i);
		put(LIST(i), LIST((i + 1) % count));
		put(LIST((i + 1) % count) + 8, LIST(i));
		put(TASK(i) + 24, i == 1 ? MEMORY : 0);
		put_text(TASK(i) + 32, "task");
	}
}

struct seen {
	unsigned count;
	uint32_t pids[8];
	struct linux_process last;
};

static int see(void *own, const struct linux_process *process)
{
	struct seen *seen = own;

	if (seen->count < 8)
		seen->pids[seen->count] = process->pid;
	if (process->has_pages)
		seen->last = *process;
	seen->count++;
	return 0;
}

static bool list(struct seen *seen)
{
	static struct linux_kernel kernel;
	struct error err;
	bool is_complete;

	kernel.found.space = machine.space;
	kernel.symbols.init_task = TASK(0);
	*seen = (struct seen){0};
	ck_assert_int_eq(linux_processes(&kernel, &fields, see, seen, &is_complete, &err), 0);
	return is_complete;
}

START_TEST(processes_are_listed)
{
	struct seen seen;

	put_tasks(4);
	put(MEMORY, 10);
	put(MEMORY + 24, (uint64_t)-3);
	put(MEMORY + 48, 0);
	put(MEMORY + 72, 7);
	ck_assert(list(&seen));
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_uint_eq(seen.pids[2], 3);
	ck_assert_uint_eq(seen.last.pid, 1);
	ck_assert_str_eq(seen.last.name, "task");
	ck_assert_uint_eq(seen.last.pages[COUNTER_FILE], 10);
	ck_assert_uint_eq(seen.last.pages[COUNTER_ANON], 0);
	ck_assert_uint_eq(seen.last.pages[COUNTER_SHMEM], 7);
	/* A count that cannot be. */
	put(MEMORY, UINT64_C(1) << 62);
	ck_assert(list(&seen));
	ck_assert_uint_eq(seen.last.pid, 0);
	put_tasks(1);
	ck_assert(list(&seen));
	ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(lists_of_processes_end)
{
	struct seen seen;

	/* A neighbour that does not point back. */
	put_tasks(4);
	put(LIST(2), LIST(1));
	ck_assert(!list(&seen));
	ck_assert_uint_eq(seen.count, 2);
	/* A circle beside the head, each of which points back. */
	put_tasks(4);
	put(LIST(1) + 8, LIST(3));
	put(LIST(3), LIST(1));
	ck_assert(!list(&seen));
	put(LIST(0), LIST(1));
	ck_assert(!list(&seen));
	/* Its first one points back to both in turn: not within one look. */
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t wild[] = {0, LIST(2) + 4, END};

		put_tasks(4);
		put(LIST(1), wild[i]);
		ck_assert(!list(&seen));
		ck_assert_uint_eq(seen.count, 1);
	}
}
END_TEST

START_TEST(fields_have_names)
{
	struct btf *btf = linux_btf(LINUX_6_1);
	struct linux_type types[] = {{BTF_KIND_STRUCT, "folio", 0}, {BTF_KIND_STRUCT, "none", 0}};
	char name[256];

	linux_btf_find(btf, types, 2);
	ck_assert_uint_eq(kernel_field_of(btf, types[0].id, "page.mapping").offset, 24);
	ck_assert_uint_eq(kernel_field_of(btf, types[0].id, "mapping").offset, 24);
	ck_assert_uint_eq(kernel_field_of(btf, types[0].id, "page.none").size, 0);
	ck_assert_uint_eq(kernel_field_of(btf, types[0].id, "mapping.host.x").size, 0);
	ck_assert_uint_eq(kernel_field_of(btf, types[0].id, "").size, 0);
	ck_assert_uint_eq(kernel_field_of(btf, types[1].id, "mapping").size, 0);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_uint_eq(kernel_field_of(btf, types[0].id, name).size, 0);
	btf__free(btf);
}
END_TEST

START_TEST(sums_are_kept_by_pointer)
{
	struct memory_budget budget = {.limit = 1 << 20};
	struct pointer_sums sums;
	struct error err;
	uint64_t i, pages = 0;
	int result = 0;

	pointer_sums_begin(&sums, &budget);
	for (i = 0; result == 0 && i < 5000; i++)
		result = pointer_sums_add(&sums, (i % 1000) * 8, i, 1, &err);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(sums.none.parts, 5);
	ck_assert_uint_eq(sums.used, 999);
	for (i = 0; i < sums.size; i++) {
		ck_assert(sums.places[i].key == 0 || sums.places[i].parts == 5);
		pages += sums.places[i].pages;
	}
	ck_assert_uint_eq(pages + sums.none.pages, 5000 * 4999 / 2);
	/* What the budget does not grant. */
	for (i = 1; result == 0 && i < 1 << 20; i++)
		result = pointer_sums_add(&sums, i << 32, 1, 1, &err);
	ck_assert_int_eq(result, -E2BIG);
	ck_assert_uint_le(budget.used, budget.limit);
	pointer_sums_end(&sums);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

Suite *linux_owners_suite(void)
{
	Suite *suite = suite_create("linux_owners");
	TCase *tcase = tcase_create("objects");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, files_have_paths);
	tcase_add_test(tcase, what_does_not_lead_back_is_no_file);
	tcase_add_test(tcase, names_are_bounded);
	tcase_add_test(tcase, paths_end);
	tcase_add_test(tcase, levels_are_bounded);
	tcase_add_test(tcase, mounts_have_places);
	tcase_add_test(tcase, caches_are_listed);
	tcase_add_test(tcase, processes_are_listed);
	tcase_add_test(tcase, lists_of_processes_end);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("tables");
	tcase_add_test(tcase, fields_have_names);
	tcase_add_test(tcase, sums_are_kept_by_pointer);
	suite_add_tcase(suite, tcase);
	return suite;
}
