/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/source/qemu/qemu_list.h, on directories that look like /proc. */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/qemu/qemu_list.h"

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

static void write_file(const char *pid, const char *file, const char *bytes, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s/%s", proc_dir, pid, file);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static void add_process(const char *pid, const char *program, const char *arguments, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", proc_dir, pid);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	strcat(path, "/exe");
	ck_assert_int_eq(symlink(program, path), 0);
	write_file(pid, "cmdline", arguments, size);
}

#define ADD(pid, program, arguments) add_process(pid, program, arguments, sizeof(arguments) - 1)

START_TEST(programs_are_known_by_their_names)
{
	static const char *const good[] = {
		"/usr/bin/qemu-system-x86_64",
		"/usr/libexec/qemu-kvm",
		"/usr/bin/kvm",
		"/usr/bin/kvm (deleted)",
		"/nix/store/x/bin/.qemu-system-x86_64-wrapped",
		"/usr/bin/qemu-system-x86_64 (deleted)",
	};
	static const char *const other[] = {
		"",
		"/usr/bin/bash",
		"/opt/qemu-system-x86_64/bin/tool",
		"/usr/bin/qemu-img",
		"/usr/bin/qemu-x86_64-static",
		"/usr/bin/kvmtool",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(qemu_is_program_name(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		ck_assert_msg(!qemu_is_program_name(other[i]), "%s", other[i]);
}
END_TEST

START_TEST(names_are_read_as_qemu_does)
{
	static const struct {
		const char *value, *name;
	} cases[] = {
		{"web", "web"},
		{"web,debug-threads=on", "web"},
		{"guest=web,debug-threads=on", "web"},
		{"debug-threads=on,guest=web", "web"},
		{"a,,b", "a,b"},
		{"guest=a,,b,,,process=c", "a,b,"},
		{"guest=x=y", "x=y"},
		{"process=c", ""},
		{"", ""},
		{"my web ä", "my web ä"},
		/* Shown otherwise, it would be another name. */
		{"a\x1b[2J", ""},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", ""},
	};
	char name[QEMU_NAME_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		qemu_parse_name(cases[i].value, name);
		ck_assert_str_eq(name, cases[i].name);
	}
}
END_TEST

START_TEST(processes_are_listed_by_pid)
{
	static const char stat[] =
		"12 (a) b) S 7 12 12 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 99";
	struct listed_qemu *list;
	struct error err;

	ADD("12", "/usr/bin/qemu-system-x86_64",
	    "qemu\0-m\0"
	    "64\0-name\0web\0");
	write_file("12", "stat", stat, sizeof(stat) - 1);
	ADD("9", "/usr/bin/kvm", "kvm\0-name\0guest=db\0-uuid\0x\0--name\0last\0");
	ADD("10", "/lib64/ld-linux-x86-64.so.2", "ld.so\0/opt/qemu-system-x86_64\0");
	ADD("11", "/lib64/ld-linux-x86-64.so.2",
	    "ld.so\0/bin/bash\0-c\0x\0y\0qemu-system-x86_64\0");
	ADD("13", "/bin/bash", "qemu-system-x86_64\0");
	ADD("014", "/usr/bin/kvm", "kvm\0");
	ADD("self", "/usr/bin/kvm", "kvm\0");
	ADD("15", "/usr/bin/kvm", "");
	ck_assert_int_eq(qemu_list(proc_dir, &list, &err), 4);
	ck_assert_uint_eq(list[0].pid, 9);
	ck_assert_str_eq(list[0].name, "last");
	ck_assert(list[0].is_domain);
	ck_assert_uint_eq(list[1].pid, 10);
	ck_assert_str_eq(list[1].name, "");
	ck_assert_uint_eq(list[2].pid, 12);
	ck_assert_str_eq(list[2].name, "web");
	ck_assert(!list[2].is_domain);
	ck_assert_uint_eq(list[2].parent, 7);
	ck_assert_uint_eq(list[2].start_ticks, 4711);
	ck_assert_uint_eq(list[3].pid, 15);
	ck_assert_uint_eq(list[3].parent, 0);
	free(list);
}
END_TEST

START_TEST(the_list_is_bounded)
{
	struct listed_qemu *list;
	struct error err;
	char path[64];

	ADD("1", "/usr/bin/kvm", "kvm\0");
	for (int i = 2; i <= QEMU_LIST_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%d", proc_dir, i);
		ck_assert_int_eq(symlink("1", path), 0);
	}
	ck_assert_int_eq(qemu_list(proc_dir, &list, &err), QEMU_LIST_MAX);
	free(list);
	ADD("70000", "/usr/bin/kvm", "kvm\0");
	ck_assert_int_eq(qemu_list(proc_dir, &list, &err), -E2BIG);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(no_proc_no_qemus)
{
	struct listed_qemu *list;
	struct error err;

	ck_assert_int_eq(qemu_list("/nonexistent", &list, &err), 0);
	free(list);
}
END_TEST

Suite *qemu_list_suite(void)
{
	Suite *suite = suite_create("qemu_list");
	TCase *texts = tcase_create("texts"), *list = tcase_create("list");

	tcase_add_test(texts, programs_are_known_by_their_names);
	tcase_add_test(texts, names_are_read_as_qemu_does);
	suite_add_tcase(suite, texts);
	tcase_add_checked_fixture(list, make_proc, remove_proc);
	tcase_add_test(list, processes_are_listed_by_pid);
	tcase_add_test(list, the_list_is_bounded);
	tcase_add_test(list, no_proc_no_qemus);
	suite_add_tcase(suite, list);
	return suite;
}
