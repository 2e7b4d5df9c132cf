/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/source/libvirt/domain_process.h, on directories that look like /proc. */
#include "unit/suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/libvirt/domain_process.h"

#define UUID "0aa86d23-8dc4-4b03-a9d5-156cb5c92557"

static char proc_dir[] = "/tmp/pagevisor-proc.XXXXXX";

static void make_proc(void)
{
	strcpy(proc_dir + sizeof(proc_dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(proc_dir));
}

static void remove_proc(void)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -r %s", proc_dir);
	ck_assert_int_eq(system(command), 0);
}

static void add_process(const char *name, const char *arguments, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", proc_dir, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	strcat(path, "/cmdline");
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, arguments, size), (ssize_t)size);
	close(fd);
}

#define ADD(name, arguments) add_process(name, arguments, sizeof(arguments) - 1)

START_TEST(the_one_with_the_uuid_is_found)
{
	ADD("1", "init\0");
	ADD("12", "qemu\0-m\0"
		  "64\0-uuid\0" UUID "\0-S\0");
	ADD("13", "qemu\0-uuid\0"
		  "1aa86d23-8dc4-4b03-a9d5-156cb5c92557\0");
	ADD("14", "");
	ck_assert_uint_eq(domain_process_find(proc_dir, UUID), 12);
	ck_assert_uint_eq(domain_process_find(proc_dir, "2aa86d23-8dc4-4b03-a9d5-156cb5c92557"), 0);
}
END_TEST

START_TEST(a_uuid_elsewhere_is_not_enough)
{
	ADD("2", "grep\0" UUID "\0");
	ADD("3", "qemu\0-uuid\0-x\0" UUID "\0");
	ADD("4", "qemu\0-uuid " UUID "\0");
	ADD("5", "qemu\0-uuid\0" UUID "x\0");
	ADD("6", "qemu\0-uuid");
	ADD("007", "qemu\0-uuid\0" UUID "\0");
	ADD("self", "qemu\0-uuid\0" UUID "\0");
	ADD("8x", "qemu\0-uuid\0" UUID "\0");
	ck_assert_uint_eq(domain_process_find(proc_dir, UUID), 0);
}
END_TEST

START_TEST(an_end_without_nul_is_an_end)
{
	ADD("9", "qemu\0-uuid\0" UUID);
	ck_assert_uint_eq(domain_process_find(proc_dir, UUID), 9);
}
END_TEST

START_TEST(of_two_none_is_trusted)
{
	ADD("12", "qemu\0-uuid\0" UUID "\0");
	ADD("13", "fake\0-uuid\0" UUID "\0");
	ck_assert_uint_eq(domain_process_find(proc_dir, UUID), 0);
}
END_TEST

START_TEST(no_proc_no_process)
{
	ck_assert_uint_eq(domain_process_find("/nonexistent", UUID), 0);
}
END_TEST

Suite *domain_process_suite(void)
{
	Suite *suite = suite_create("domain_process");
	TCase *found = tcase_create("found");

	tcase_add_checked_fixture(found, make_proc, remove_proc);
	tcase_add_test(found, the_one_with_the_uuid_is_found);
	tcase_add_test(found, a_uuid_elsewhere_is_not_enough);
	tcase_add_test(found, an_end_without_nul_is_an_end);
	tcase_add_test(found, of_two_none_is_trusted);
	tcase_add_test(found, no_proc_no_process);
	suite_add_tcase(suite, found);
	return suite;
}
