/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/memory/residency.h: which frames the host keeps memory for, in mapped and in copied memory. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/rcu.h"
#include "memory/residency.h"

#define LOW_FRAMES  (2 * RESIDENCY_WINDOW + 100)
#define HIGH_FIRST  (UINT64_C(1) << 20)
#define HIGH_FRAMES 64

static struct guest_memory memory;
static struct residency *residency;
static struct error err;
static int fd;

static void setup(void)
{
	urcu_memb_register_thread();
	fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, LOW_FRAMES * (off_t)PAGE_SIZE), 0);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(0), LOW_FRAMES * PAGE_SIZE, fd, 0, true, &err), 0);
	residency = malloc(sizeof(*residency));
	residency_init(residency, &memory);
}

static void teardown(void)
{
	free(residency);
	guest_memory_destroy(&memory);
	close(fd);
	urcu_memb_unregister_thread();
}

static void touch(uint64_t frame)
{
	ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)(frame * PAGE_SIZE)), 1);
}

static uint64_t file_blocks(void)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return (uint64_t)status.st_blocks;
}

START_TEST(a_frame_is_resident_once_it_was_written)
{
	const uint64_t written[] = {0, 7, RESIDENCY_WINDOW - 1, RESIDENCY_WINDOW, LOW_FRAMES - 1};
	const uint64_t others[] = {1, 6, 8, RESIDENCY_WINDOW + 1, LOW_FRAMES - 2};

	for (unsigned i = 0; i < 5; i++)
		touch(written[i]);
	uint64_t blocks = file_blocks();

	ck_assert(residency_is_known(&memory));
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_msg(residency_has(residency, pfn(written[i])), "%u", i);
		ck_assert_msg(!residency_has(residency, pfn(others[i])), "%u", i);
	}
	/* Backwards, too; and looking filled no hole. */
	ck_assert(residency_has(residency, pfn(7)));
	ck_assert_uint_eq(file_blocks(), blocks);
}
END_TEST

START_TEST(a_window_is_looked_up_once_and_anew_when_asked)
{
	ck_assert(!residency_has(residency, pfn(5)));
	touch(6);
	ck_assert(!residency_has(residency, pfn(6)));
	residency_init(residency, &memory);
	ck_assert(residency_has(residency, pfn(6)));
}
END_TEST

START_TEST(what_is_not_memory_is_not_resident)
{
	ck_assert(!residency_has(residency, pfn(LOW_FRAMES)));
	ck_assert(!residency_has(residency, pfn(HIGH_FIRST)));
	ck_assert(!residency_has(residency, pfn(UINT64_MAX / PAGE_SIZE)));
}
END_TEST

/* Copied memory in which even frames have data. */
static int copy_nothing(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own, (void)pa, (void)buffer, (void)length;
	return -EIO;
}

static int find_even(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	bool odd = pa.addr / PAGE_SIZE % 2;

	(void)own;
	*hole = odd ? PAGE_SIZE : 0;
	*data = length > *hole ? PAGE_SIZE : 0;
	return 0;
}

static int find_fails(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	(void)own, (void)pa, (void)length, (void)hole, (void)data;
	return -ENOTCONN;
}

static void add_high(const struct memory_reader *reader)
{
	ck_assert_int_eq(guest_memory_add_copied(&memory, paddr(HIGH_FIRST * PAGE_SIZE),
						 HIGH_FRAMES * PAGE_SIZE, reader, &err),
			 0);
}

START_TEST(a_reader_that_knows_holes_is_asked)
{
	const struct memory_reader reader = {
		.read = copy_nothing, .find_data = find_even, .chunk = PAGE_SIZE};

	add_high(&reader);
	ck_assert(residency_is_known(&memory));
	for (uint64_t i = 0; i < HIGH_FRAMES; i++)
		ck_assert_msg(residency_has(residency, pfn(HIGH_FIRST + i)) == (i % 2 == 0), "%d",
			      (int)i);
}
END_TEST

START_TEST(a_reader_that_knows_none_leaves_it_unknown)
{
	const struct memory_reader reader = {.read = copy_nothing, .chunk = PAGE_SIZE};

	add_high(&reader);
	ck_assert(!residency_is_known(&memory));
}
END_TEST

START_TEST(a_file_at_rest_does_not_know)
{
	const struct memory_reader reader = {.read = copy_nothing,
					     .find_data = find_even,
					     .is_constant = true,
					     .chunk = PAGE_SIZE};

	add_high(&reader);
	ck_assert(!residency_is_known(&memory));
}
END_TEST

START_TEST(a_source_that_is_gone_has_nothing)
{
	const struct memory_reader reader = {
		.read = copy_nothing, .find_data = find_fails, .chunk = PAGE_SIZE};

	add_high(&reader);
	ck_assert(!residency_has(residency, pfn(HIGH_FIRST)));
}
END_TEST

Suite *residency_suite(void)
{
	Suite *suite = suite_create("residency");
	TCase *cases = tcase_create("residency");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_frame_is_resident_once_it_was_written);
	tcase_add_test(cases, a_window_is_looked_up_once_and_anew_when_asked);
	tcase_add_test(cases, what_is_not_memory_is_not_resident);
	tcase_add_test(cases, a_reader_that_knows_holes_is_asked);
	tcase_add_test(cases, a_reader_that_knows_none_leaves_it_unknown);
	tcase_add_test(cases, a_file_at_rest_does_not_know);
	tcase_add_test(cases, a_source_that_is_gone_has_nothing);
	suite_add_tcase(suite, cases);
	return suite;
}
