/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/guest_memory.h: checked translation, regions, reading without allocating, RCU. */
#include "unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/data_pages.h"
#include "memory/guest_memory.h"
#include "memory/rcu.h"

#define LOW_BASE  0
#define LOW_SIZE  (64 * PAGE_SIZE)
#define HIGH_BASE (1024 * PAGE_SIZE)
#define HIGH_SIZE (32 * PAGE_SIZE)

static struct guest_memory memory;
static struct error err;
static int fd;

static void setup(void)
{
	urcu_memb_register_thread();
	fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, LOW_SIZE + HIGH_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	/* The higher region first: the map sorts them. */
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(HIGH_BASE), HIGH_SIZE, fd, LOW_SIZE, true, &err),
		0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(LOW_BASE), LOW_SIZE, fd, 0, true, &err),
			 0);
}

static void teardown(void)
{
	guest_memory_destroy(&memory);
	close(fd);
	urcu_memb_unregister_thread();
}

static void *at(uint64_t pa, uint64_t length)
{
	return memory_map_at(guest_memory_map(&memory), paddr(pa), length);
}

START_TEST(translates_within_a_region)
{
	uint8_t *low = at(LOW_BASE, 1);

	ck_assert_ptr_nonnull(low);
	ck_assert_ptr_eq(at(LOW_BASE + 5, 10), low + 5);
	ck_assert_ptr_nonnull(at(HIGH_BASE, HIGH_SIZE));
}
END_TEST

START_TEST(range_may_end_exactly_at_the_end_of_a_region)
{
	ck_assert_ptr_nonnull(at(LOW_BASE + LOW_SIZE - 8, 8));
	ck_assert_ptr_null(at(LOW_BASE + LOW_SIZE - 8, 9));
	ck_assert_ptr_null(at(LOW_BASE, LOW_SIZE + 1));
}
END_TEST

START_TEST(refuses_what_is_not_guest_memory)
{
	ck_assert_ptr_null(at(LOW_BASE + LOW_SIZE, 1));
	ck_assert_ptr_null(at(HIGH_BASE - 1, 2));
	ck_assert_ptr_null(at(HIGH_BASE + HIGH_SIZE, 1));
	ck_assert_ptr_null(at(LOW_BASE, 0));
	ck_assert_ptr_null(at(UINT64_MAX, 1));
}
END_TEST

START_TEST(refuses_lengths_that_wrap)
{
	ck_assert_ptr_null(at(HIGH_BASE, UINT64_MAX));
	ck_assert_ptr_null(at(HIGH_BASE + 1, UINT64_MAX - HIGH_BASE));
	ck_assert_ptr_null(at(UINT64_MAX - 7, 16));
}
END_TEST

START_TEST(refused_regions_leave_the_map_as_it_was)
{
	const struct memory_map *before = guest_memory_map(&memory);
	static const struct {
		uint64_t base, size;
		int error;
	} refused[] = {
		{LOW_BASE, PAGE_SIZE, -EEXIST},
		{LOW_BASE + LOW_SIZE - PAGE_SIZE, 2 * PAGE_SIZE, -EEXIST},
		{HIGH_BASE - PAGE_SIZE, HIGH_SIZE + 2 * PAGE_SIZE, -EEXIST},
		{LOW_BASE + LOW_SIZE, 0, -EINVAL},
		{LOW_BASE + LOW_SIZE + 1, PAGE_SIZE, -EINVAL},
		{LOW_BASE + LOW_SIZE, PAGE_SIZE + 1, -EINVAL},
		{UINT64_MAX - PAGE_SIZE + 1, 2 * PAGE_SIZE, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		ck_assert_int_eq(guest_memory_add(&memory, paddr(refused[i].base), refused[i].size,
						  fd, 0, true, &err),
				 refused[i].error);
		ck_assert_ptr_eq(guest_memory_map(&memory), before);
	}
	ck_assert_uint_eq(before->count, 2);
}
END_TEST

START_TEST(a_mapping_that_fails_leaves_the_map_as_it_was)
{
	const struct memory_map *before = guest_memory_map(&memory);

	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(LOW_BASE + LOW_SIZE), PAGE_SIZE, -1, 0, true, &err),
		-EBADF);
	ck_assert_ptr_eq(guest_memory_map(&memory), before);
}
END_TEST

START_TEST(too_many_regions_are_refused)
{
	uint64_t base = 2 * HIGH_BASE;

	for (unsigned i = 2; i < MEMORY_REGIONS_MAX; i++, base += PAGE_SIZE)
		ck_assert_int_eq(
			guest_memory_add(&memory, paddr(base), PAGE_SIZE, fd, 0, false, &err), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(base), PAGE_SIZE, fd, 0, false, &err),
			 -ENOSPC);
	ck_assert_uint_eq(guest_memory_map(&memory)->count, MEMORY_REGIONS_MAX);
}
END_TEST

START_TEST(more_memory_than_any_guest_has_is_refused)
{
	const uint64_t base = UINT64_C(1) << 32, rest = GUEST_MEMORY_MAX - LOW_SIZE - HIGH_SIZE;
	const struct memory_map *before = guest_memory_map(&memory);

	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(base), UINT64_C(1) << 46, fd, 0, false, &err),
		-EFBIG);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(base), UINT64_MAX - 2 * base + 1, fd, 0,
					  false, &err),
			 -EFBIG);
	/* The sum counts. */
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(base), rest + PAGE_SIZE, fd, 0, false, &err),
		-EFBIG);
	ck_assert_ptr_eq(guest_memory_map(&memory), before);
}
END_TEST

/* ThreadSanitizer leaves a program 1.5 TiB of addresses, from a random one on: 1 TiB in one piece is a matter of luck. */
#ifndef __SANITIZE_THREAD__
START_TEST(as_much_memory_as_a_guest_may_have_is_mapped)
{
	const uint64_t base = UINT64_C(1) << 32, rest = GUEST_MEMORY_MAX - LOW_SIZE - HIGH_SIZE;

	ck_assert_int_eq(guest_memory_add(&memory, paddr(base), rest, fd, 0, false, &err), 0);
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(base + rest), PAGE_SIZE, fd, 0, false, &err),
		-EFBIG);
}
END_TEST
#endif

START_TEST(both_views_show_the_same_bytes)
{
	uint32_t value = 0;

	*(uint32_t *)at(HIGH_BASE + 4, 4) = 0x12345678;
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(HIGH_BASE + 4), &value, 4), 0);
	ck_assert_uint_eq(value, 0x12345678);
}
END_TEST

START_TEST(copying_a_hole_allocates_nothing)
{
	struct stat before, after;
	uint8_t bytes[3 * PAGE_SIZE];

	ck_assert_int_eq(fstat(fd, &before), 0);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(HIGH_BASE + 100), bytes, sizeof(bytes)),
			 0);
	ck_assert_int_eq(fstat(fd, &after), 0);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
	for (size_t i = 0; i < sizeof(bytes); i++)
		ck_assert_uint_eq(bytes[i], 0);
}
END_TEST

/* A file that became shorter has no holes past its end: what is not there is not "never written". */
START_TEST(a_file_that_shrank_has_no_holes_past_its_end)
{
	const uint64_t kept = 8;
	const struct memory_region *low =
		memory_map_find(guest_memory_map(&memory), paddr(LOW_BASE));
	uint8_t has_data[LOW_SIZE / PAGE_SIZE], byte;
	uint64_t hole, data;

	*(uint8_t *)at(LOW_BASE + PAGE_SIZE, 1) = 1;
	ck_assert_int_eq(guest_memory_find_data(&memory, paddr(LOW_BASE + 2 * PAGE_SIZE),
						LOW_SIZE - 2 * PAGE_SIZE, &hole, &data),
			 0);
	ck_assert_uint_eq(hole, LOW_SIZE - 2 * PAGE_SIZE);
	ck_assert_uint_eq(data, 0);
	ck_assert(memory_region_is_hole(low, paddr(LOW_BASE + kept * PAGE_SIZE)));

	ck_assert_int_eq(ftruncate(fd, (off_t)(kept * PAGE_SIZE)), 0);
	ck_assert(!memory_region_is_hole(low, paddr(LOW_BASE + PAGE_SIZE)));
	ck_assert(memory_region_is_hole(low, paddr(LOW_BASE + (kept - 1) * PAGE_SIZE)));
	ck_assert(memory_region_is_hole(low, paddr(LOW_BASE + kept * PAGE_SIZE - 8)));
	ck_assert(!memory_region_is_hole(low, paddr(LOW_BASE + kept * PAGE_SIZE)));
	ck_assert(!memory_region_is_hole(low, paddr(LOW_BASE + LOW_SIZE - PAGE_SIZE)));

	ck_assert_int_eq(guest_memory_find_data(&memory, paddr(LOW_BASE + 2 * PAGE_SIZE),
						LOW_SIZE - 2 * PAGE_SIZE, &hole, &data),
			 0);
	ck_assert_uint_eq(hole, (kept - 2) * PAGE_SIZE);
	ck_assert_uint_eq(data, LOW_SIZE - kept * PAGE_SIZE);

	data_pages_find(low, paddr(LOW_BASE), LOW_SIZE / PAGE_SIZE, has_data);
	for (uint64_t i = 0; i < LOW_SIZE / PAGE_SIZE; i++)
		ck_assert_uint_eq(has_data[i], i == 1 || i >= kept);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(LOW_BASE + kept * PAGE_SIZE), &byte, 1),
			 -EFAULT);
}
END_TEST

START_TEST(copying_past_the_end_is_refused)
{
	uint8_t bytes[16] = {0x55};

	ck_assert_int_eq(guest_memory_copy(&memory, paddr(LOW_BASE + LOW_SIZE - 8), bytes, 16),
			 -EFAULT);
	ck_assert_uint_eq(bytes[0], 0x55);
}
END_TEST

START_TEST(a_removed_region_is_gone_and_the_others_stay)
{
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(LOW_BASE), &err), 0);
	ck_assert_ptr_null(at(LOW_BASE, 1));
	ck_assert_ptr_nonnull(at(HIGH_BASE, HIGH_SIZE));
	ck_assert_uint_eq(guest_memory_map(&memory)->count, 1);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(LOW_BASE), LOW_SIZE, fd, 0, true, &err),
			 0);
	ck_assert_ptr_nonnull(at(LOW_BASE, LOW_SIZE));
}
END_TEST

START_TEST(what_is_no_regions_beginning_cannot_be_removed)
{
	const struct memory_map *before = guest_memory_map(&memory);

	ck_assert_int_eq(guest_memory_remove(&memory, paddr(LOW_BASE + PAGE_SIZE), &err), -ENOENT);
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(UINT64_MAX), &err), -ENOENT);
	ck_assert_ptr_eq(guest_memory_map(&memory), before);
}
END_TEST

static bool readers_stop;

/* Reads the first and last byte of every region it sees, while the test adds and removes regions. */
static void *read_regions(void *unused)
{
	uint64_t sum = 0;

	(void)unused;
	urcu_memb_register_thread();
	while (!__atomic_load_n(&readers_stop, __ATOMIC_ACQUIRE)) {
		guest_memory_read_begin();
		const struct memory_map *map = guest_memory_map(&memory);

		for (unsigned i = 0; i < map->count; i++)
			sum += map->regions[i].host[0] +
			       map->regions[i].host[map->regions[i].size - 1];
		guest_memory_read_end();
	}
	urcu_memb_unregister_thread();
	return (void *)(uintptr_t)sum;
}

START_TEST(regions_come_and_go_under_readers)
{
	pthread_t readers[2];
	void *sum;

	readers_stop = false;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&readers[i], NULL, read_regions, NULL), 0);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 2; i < 16; i++)
			ck_assert_int_eq(guest_memory_add(&memory,
							  paddr(2 * HIGH_BASE + i * PAGE_SIZE),
							  PAGE_SIZE, fd, 0, false, &err),
					 0);
		for (unsigned i = 2; i < 16; i++)
			ck_assert_int_eq(guest_memory_remove(&memory,
							     paddr(2 * HIGH_BASE + i * PAGE_SIZE),
							     &err),
					 0);
	}
	__atomic_store_n(&readers_stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i], &sum);
		ck_assert_uint_eq((uintptr_t)sum, 0);
	}
}
END_TEST

/* A copied region adjacent to the low mapped one, and one with another reader adjacent to that. */
#define COPIED_BASE (LOW_BASE + LOW_SIZE)
#define COPIED_SIZE (8 * PAGE_SIZE)
#define OTHER_BASE  (COPIED_BASE + COPIED_SIZE)
#define OTHER_SIZE  (2 * PAGE_SIZE)

/* Every byte reads as the one that `own` points to; no read-side section is open meanwhile. */
static int read_byte(void *own, paddr_t pa, void *buffer, size_t length)
{
	const uint8_t *byte = own;

	ck_assert(!urcu_memb_read_ongoing());
	ck_assert_uint_ge(pa.addr, COPIED_BASE);
	if (*byte == 0)
		return -ENOTCONN;
	memset(buffer, *byte, length);
	return 0;
}

static int find_one_page(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	(void)own;
	(void)pa;
	ck_assert(!urcu_memb_read_ongoing());
	*hole = 0;
	*data = length < PAGE_SIZE ? length : PAGE_SIZE;
	return 0;
}

static void assert_reads(uint64_t pa, uint8_t wanted)
{
	uint8_t bytes[64];

	ck_assert_int_eq(guest_memory_copy(&memory, paddr(pa), bytes, sizeof(bytes)), 0);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		ck_assert_uint_eq(bytes[i], wanted);
}

static uint64_t data_at(uint64_t pa, uint64_t length)
{
	uint64_t hole, data;

	ck_assert_int_eq(guest_memory_find_data(&memory, paddr(pa), length, &hole, &data), 0);
	ck_assert_uint_eq(hole, 0);
	return data;
}

START_TEST(mapped_and_copied_regions_lie_side_by_side)
{
	uint8_t one = 1, two = 2, bytes[2 * PAGE_SIZE], across[COPIED_SIZE + 2];
	const struct memory_reader first = {
		.read = read_byte, .find_data = find_one_page, .own = &one, .chunk = 4096};
	const struct memory_reader second = {.read = read_byte, .own = &two, .chunk = 8192};
	struct memory_reader reader;

	ck_assert_int_eq(
		guest_memory_add_copied(&memory, paddr(OTHER_BASE), OTHER_SIZE, &second, &err), 0);
	ck_assert_int_eq(
		guest_memory_add_copied(&memory, paddr(COPIED_BASE), COPIED_SIZE, &first, &err), 0);
	memset(at(LOW_BASE, LOW_SIZE), 0xa5, LOW_SIZE);

	/* Each byte comes from its own region, right up to the borders. */
	assert_reads(COPIED_BASE - 64, 0xa5);
	assert_reads(COPIED_BASE, one);
	assert_reads(OTHER_BASE - 64, one);
	assert_reads(OTHER_BASE, two);

	/* A range may lie across them; pointers, and what one region holds, end at the borders. */
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(COPIED_BASE - 1), across, sizeof(across)),
			 0);
	ck_assert_uint_eq(across[0], 0xa5);
	for (unsigned i = 0; i < COPIED_SIZE; i++)
		ck_assert_uint_eq(across[1 + i], one);
	ck_assert_uint_eq(across[1 + COPIED_SIZE], two);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(OTHER_BASE - 1), across, OTHER_SIZE + 2),
			 -EFAULT);
	ck_assert(memory_map_covers(guest_memory_map(&memory), paddr(LOW_BASE),
				    LOW_SIZE + COPIED_SIZE + OTHER_SIZE));
	ck_assert(!memory_map_covers(guest_memory_map(&memory), paddr(LOW_BASE),
				     LOW_SIZE + COPIED_SIZE + OTHER_SIZE + 1));
	ck_assert(!memory_map_covers(guest_memory_map(&memory), paddr(LOW_BASE), 0));
	ck_assert(!memory_map_covers(guest_memory_map(&memory), paddr(LOW_BASE), UINT64_MAX));
	ck_assert(!memory_map_has(guest_memory_map(&memory), paddr(COPIED_BASE - 1), 2));

	/* Only mapped memory has pointers. */
	ck_assert_ptr_nonnull(at(COPIED_BASE - 64, 64));
	ck_assert_ptr_null(at(COPIED_BASE, 1));
	ck_assert(memory_map_has(guest_memory_map(&memory), paddr(COPIED_BASE), COPIED_SIZE));
	ck_assert(!guest_memory_is_copied(&memory, paddr(COPIED_BASE - 1), &reader));
	ck_assert(guest_memory_is_copied(&memory, paddr(COPIED_BASE), &reader));
	ck_assert_uint_eq(reader.chunk, 4096);
	ck_assert(guest_memory_is_copied(&memory, paddr(OTHER_BASE), &reader));
	ck_assert_uint_eq(reader.chunk, 8192);

	/* Each region has its own way to tell where data lies. */
	ck_assert_uint_eq(data_at(LOW_BASE, LOW_SIZE), LOW_SIZE);
	ck_assert_uint_eq(data_at(COPIED_BASE, COPIED_SIZE), PAGE_SIZE);
	ck_assert_uint_eq(data_at(OTHER_BASE, OTHER_SIZE), OTHER_SIZE);

	/* A failing reader, or a region that goes away, does not affect the others. */
	one = 0;
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(COPIED_BASE), bytes, 1), -ENOTCONN);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(COPIED_BASE - 1), bytes, 2), -ENOTCONN);
	assert_reads(OTHER_BASE, two);
	ck_assert_int_eq(guest_memory_remove(&memory, paddr(COPIED_BASE), &err), 0);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(COPIED_BASE), bytes, 1), -EFAULT);
	ck_assert_int_eq(guest_memory_copy(&memory, paddr(COPIED_BASE - 1), bytes, 2), -EFAULT);
	assert_reads(COPIED_BASE - 64, 0xa5);
	assert_reads(OTHER_BASE, two);
}
END_TEST

Suite *guest_memory_suite(void)
{
	Suite *suite = suite_create("guest_memory");
	TCase *tcase = tcase_create("guest_memory");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, translates_within_a_region);
	tcase_add_test(tcase, range_may_end_exactly_at_the_end_of_a_region);
	tcase_add_test(tcase, refuses_what_is_not_guest_memory);
	tcase_add_test(tcase, refuses_lengths_that_wrap);
	tcase_add_test(tcase, refused_regions_leave_the_map_as_it_was);
	tcase_add_test(tcase, a_mapping_that_fails_leaves_the_map_as_it_was);
	tcase_add_test(tcase, too_many_regions_are_refused);
	tcase_add_test(tcase, more_memory_than_any_guest_has_is_refused);
#ifndef __SANITIZE_THREAD__
	tcase_add_test(tcase, as_much_memory_as_a_guest_may_have_is_mapped);
#endif
	tcase_add_test(tcase, both_views_show_the_same_bytes);
	tcase_add_test(tcase, copying_a_hole_allocates_nothing);
	tcase_add_test(tcase, a_file_that_shrank_has_no_holes_past_its_end);
	tcase_add_test(tcase, copying_past_the_end_is_refused);
	tcase_add_test(tcase, a_removed_region_is_gone_and_the_others_stay);
	tcase_add_test(tcase, what_is_no_regions_beginning_cannot_be_removed);
	tcase_add_test(tcase, mapped_and_copied_regions_lie_side_by_side);
	tcase_add_test(tcase, regions_come_and_go_under_readers);
	suite_add_tcase(suite, tcase);
	return suite;
}
