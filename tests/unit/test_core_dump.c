/* SPDX-License-Identifier: MPL-2.0 */
/* Core dumps contain no guest RAM: each kind of memory, by the flags of its mappings in /proc/self/smaps. */
#include "unit/suites.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file/capture.h"
#include "file/capture_data.h"
#include "memory/ram.h"
#include "memory/rcu.h"
#include "memory/snapshot.h"
#include "unit/crafted_source.h"

/* Part of it lies above 4 GiB. */
#define RAM_SIZE (UINT64_C(6) << 30)

static struct error err;

static void setup(void)
{
	urcu_memb_register_thread();
}

static void teardown(void)
{
	urcu_memb_unregister_thread();
}

/* The bytes of [start, end) in mappings that a core dump leaves out. */
static uint64_t bytes_left_out(uint64_t start, uint64_t end)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	uint64_t from = 0, to = 0, bytes = 0, first, second;
	char line[4096];

	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		/* A mapping's first line, then its properties; its flags come last. */
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &first, &second) == 2) {
			from = first;
			to = second;
			continue;
		}
		if (strncmp(line, "VmFlags:", 8) != 0 || !strstr(line, " dd") || to <= start ||
		    from >= end)
			continue;
		bytes += (to < end ? to : end) - (from > start ? from : start);
	}
	fclose(smaps);
	return bytes;
}

static void assert_left_out(const struct guest_memory *memory, unsigned regions)
{
	const struct memory_map *map = guest_memory_map(memory);

	ck_assert_uint_eq(map->count, regions);
	for (unsigned i = 0; i < regions; i++) {
		uint64_t start = (uintptr_t)map->regions[i].host;

		ck_assert_uint_eq(bytes_left_out(start, start + map->regions[i].size),
				  map->regions[i].size);
	}
}

START_TEST(other_memory_is_dumped)
{
	char byte;
	uint64_t start = align_down((uintptr_t)&byte, PAGE_SIZE);

	ck_assert_uint_eq(bytes_left_out(start, start + PAGE_SIZE), 0);
}
END_TEST

START_TEST(a_vms_ram_is_left_out)
{
	struct guest_memory memory;

	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	int fd = ram_create(&memory, RAM_SIZE, &err);

	ck_assert_int_ge(fd, 0);
	assert_left_out(&memory, 2);
	guest_memory_destroy(&memory);
	close(fd);
}
END_TEST

START_TEST(what_inspectors_map_is_left_out)
{
	struct guest_memory memory;
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, 2 * PAGE_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), PAGE_SIZE, fd, 0, false, &err), 0);
	/* Next to a mapping of the same file, too. */
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(PAGE_SIZE), PAGE_SIZE, fd, PAGE_SIZE, false, &err),
		0);
	assert_left_out(&memory, 2);
	guest_memory_destroy(&memory);
	close(fd);
}
END_TEST

START_TEST(copies_are_left_out)
{
	const struct snapshot_options options = {0};
	const struct capture_vm vm = {.name = "crafted"};
	struct crafted crafted;
	struct snapshot snapshot;
	struct capture_written written;
	struct capture_file capture;
	struct guest_memory memory;
	char path[] = "/tmp/pagevisor-test.XXXXXX";
	uint8_t byte;

	crafted_make(&crafted);
	crafted.high[0] = 1;
	ck_assert_int_eq(
		snapshot_make(&crafted.source.memory, NULL, NULL, &options, &snapshot, &err), 0);
	assert_left_out(&snapshot.memory, 2);
	close(mkstemp(path));
	unlink(path);
	ck_assert_int_eq(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err), 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	uint64_t before = bytes_left_out(0, UINT64_MAX);

	ck_assert_int_eq(capture_load(fd, path, NULL, &memory, &capture, &err), 0);
	/* Read twice, in turns, so that they are kept. */
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(
			guest_memory_copy(&memory,
					  paddr(i % 2 ? CRAFTED_INFO_PA : CRAFTED_HIGH_BASE), &byte,
					  1),
			0);
	uint64_t kept = capture_data_count(capture.data).kept_bytes;

	ck_assert_uint_gt(kept, 0);
	ck_assert_uint_ge(bytes_left_out(0, UINT64_MAX) - before, kept + 2 * CAPTURE_CHUNK_MAX);
	capture_close(&capture);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	snapshot_close(&snapshot);
	crafted_free(&crafted);
}
END_TEST

Suite *core_dump_suite(void)
{
	Suite *suite = suite_create("core_dump");
	TCase *tcase = tcase_create("core_dump");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, other_memory_is_dumped);
	tcase_add_test(tcase, a_vms_ram_is_left_out);
	tcase_add_test(tcase, what_inspectors_map_is_left_out);
	tcase_add_test(tcase, copies_are_left_out);
	suite_add_tcase(suite, tcase);
	return suite;
}
