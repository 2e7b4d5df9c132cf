/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/elf/elf_image_file.c: which files are read, and the errors for the others. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/elf/elf_image.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* elf_image_file.c inspects only the magic of an ELF file. */
static const char image[] = "\177ELF and then anything";

static char file_path[32];

static void setup_file(void)
{
	strcpy(file_path, "/tmp/pagevisor-test.XXXXXX");
	int fd = mkstemp(file_path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown_file(void)
{
	unlink(file_path);
}

/* Makes a file of `length` bytes that starts with the given ones. */
static void write_file(const void *bytes, size_t size, off_t length)
{
	int fd = open(file_path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(ftruncate(fd, length), 0);
	close(fd);
}

static void assert_unread(const char *path, int code, const char *text)
{
	void *bytes = NULL;
	size_t size = 0;
	struct error err;

	ck_assert_int_eq(elf_image_read_file(path, &bytes, &size, &err), code);
	ck_assert_ptr_null(bytes);
	ck_assert_uint_eq(size, 0);
	ck_assert_msg(strstr(err.text, path) && strstr(err.text, text), "%s", err.text);
}

START_TEST(a_file_is_read_whole)
{
	struct error err;
	void *bytes;
	size_t size;

	write_file(image, sizeof(image), sizeof(image));
	ck_assert_int_eq(elf_image_read_file(file_path, &bytes, &size, &err), 0);
	ck_assert_uint_eq(size, sizeof(image));
	ck_assert_mem_eq(bytes, image, size);
	free(bytes);
}
END_TEST

START_TEST(a_file_is_closed_again)
{
	int next = dup(STDIN_FILENO);

	close(next);
	assert_unread("/", -ENOEXEC, "not a regular file");
	ck_assert_int_eq(dup(STDIN_FILENO), next);
}
END_TEST

/* A script: whole, truncated within the length of an ELF magic, empty, and larger than any kernel. */
static const char script[] = "#!/bin/sh";
static const off_t bad_lengths[] = {sizeof(script), 2, 0, ELF_IMAGE_SIZE_MAX + 1};

START_TEST(a_file_that_is_no_kernel_is_named)
{
	bool large = bad_lengths[_i] > (off_t)ELF_IMAGE_SIZE_MAX;

	write_file(script, sizeof(script), bad_lengths[_i]);
	assert_unread(file_path, large ? -EFBIG : -ENOEXEC, large ? "at most" : "not an ELF file");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	assert_unread("/", -ENOEXEC, "not a regular file");
	assert_unread("/dev/null", -ENOEXEC, "not a regular file");
	assert_unread("/nonexistent/kernel", -ENOENT, "No such file");
}
END_TEST

Suite *elf_image_file_suite(void)
{
	Suite *suite = suite_create("elf_image_file");
	TCase *file = tcase_create("file");

	tcase_add_checked_fixture(file, setup_file, teardown_file);
	tcase_add_test(file, a_file_is_read_whole);
	tcase_add_test(file, a_file_is_closed_again);
	tcase_add_loop_test(file, a_file_that_is_no_kernel_is_named, 0, COUNT(bad_lengths));
	tcase_add_test(file, what_is_no_file_is_refused);
	suite_add_tcase(suite, file);
	return suite;
}
