/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/base/new_file.h: what is at a path, and beside it, at each moment. */
#include "unit/suites.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/new_file.h"

static char directory[] = "/tmp/new-file.XXXXXX";
static char path[64];
static struct new_file file;

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
}

static void teardown(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

static unsigned entries(void)
{
	DIR *listing = opendir(directory);
	unsigned count = 0;

	ck_assert_ptr_nonnull(listing);
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(listing);
	return count;
}

static void put(const char *text, mode_t mode)
{
	FILE *old = fopen(path, "w");

	ck_assert_ptr_nonnull(old);
	fputs(text, old);
	fclose(old);
	chmod(path, mode);
}

static const char *content(void)
{
	static char text[64];
	FILE *now = fopen(path, "r");

	if (!now)
		return "";
	text[fread(text, 1, sizeof(text) - 1, now)] = '\0';
	fclose(now);
	return text;
}

static void begin(const char *text)
{
	ck_assert_int_eq(new_file_create(&file, path), 0);
	ck_assert_int_eq(fd_write_at(file.fd, text, strlen(text), 0), 0);
}

static mode_t mode_of(void)
{
	struct stat status;

	ck_assert_int_eq(stat(path, &status), 0);
	return status.st_mode & 07777;
}

START_TEST(a_new_file_is_absent_until_it_is_whole)
{
	mode_t umask_of_before = umask(0777);

	begin("new");
	umask(umask_of_before);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(new_file_finish(&file, false), 0);
	ck_assert_str_eq(content(), "new");
	ck_assert_uint_eq(mode_of(), 0600);
	ck_assert_uint_eq(entries(), 1);
}
END_TEST

START_TEST(a_file_is_replaced_when_that_is_wanted_alone)
{
	put("old", 0400);
	begin("new");
	ck_assert_int_eq(new_file_finish(&file, false), -EEXIST);
	ck_assert_str_eq(content(), "old");
	ck_assert_uint_eq(entries(), 1);
	begin("new");
	ck_assert_str_eq(content(), "old");
	ck_assert_int_eq(new_file_finish(&file, true), 0);
	ck_assert_str_eq(content(), "new");
	ck_assert_uint_eq(mode_of(), 0400);
	ck_assert_uint_eq(entries(), 1);
}
END_TEST

START_TEST(a_file_that_came_meanwhile_is_not_replaced)
{
	begin("new");
	put("other", 0600);
	ck_assert_int_eq(new_file_finish(&file, false), -EEXIST);
	ck_assert_str_eq(content(), "other");
	ck_assert_uint_eq(entries(), 1);
}
END_TEST

START_TEST(nothing_is_left_of_an_abandoned_file)
{
	put("old", 0600);
	begin("new");
	new_file_abandon(&file);
	ck_assert_str_eq(content(), "old");
	ck_assert_uint_eq(entries(), 1);
}
END_TEST

START_TEST(a_path_that_is_no_file_is_refused)
{
	ck_assert_int_eq(new_file_create(&file, directory), -EINVAL);
	ck_assert_int_eq(new_file_create(&file, "/dev/null"), -EINVAL);
	ck_assert_int_eq(new_file_create(&file, "/nowhere/file"), -ENOENT);
}
END_TEST

Suite *new_file_suite(void)
{
	Suite *suite = suite_create("new_file");
	TCase *tcase = tcase_create("new_file");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_new_file_is_absent_until_it_is_whole);
	tcase_add_test(tcase, a_file_is_replaced_when_that_is_wanted_alone);
	tcase_add_test(tcase, a_file_that_came_meanwhile_is_not_replaced);
	tcase_add_test(tcase, nothing_is_left_of_an_abandoned_file);
	tcase_add_test(tcase, a_path_that_is_no_file_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}
