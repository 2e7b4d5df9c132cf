/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/attach/vm_name.h: valid names of VMs, and the names of sockets. */
#include "unit/suites.h"

#include "attach/vm_name.h"

START_TEST(good_names)
{
	static const char *const names[] = {
		"a",   "Z9",      "vm-123",
		"7",   "a.b_c-d", "x.pvc.y",
		"pid", "a.sock",  "abcdefghijklmnopqrstuvwxyz012345",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(vm_name_is_good(names[i]), "%s", names[i]);
}
END_TEST

START_TEST(bad_names)
{
	static const char *const names[] = {
		"",
		".",
		"..",
		".a",
		"-a",
		"_a",
		"a b",
		"a/b",
		"/",
		"a\nb",
		"\033",
		"a\x80",
		"pid:1",
		"qemu:1",
		"a.pvc",
		"ä",
		"a%sb",
		"a\x7f",
		"abcdefghijklmnopqrstuvwxyz0123456",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(!vm_name_is_good(names[i]), "%s", names[i]);
}
END_TEST

START_TEST(a_socket_name_can_be_read_back)
{
	const struct vm_id ids[] = {
		{"a", 1},
		{"a.b", 42},
		{"a.1", 7},
		{"a.sock", 99999},
		{"vm-1", INT32_MAX},
		{"abcdefghijklmnopqrstuvwxyz012345", INT32_MAX},
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char file[VM_SOCKET_NAME_SIZE];
		struct vm_id id;

		ck_assert(vm_socket_name_parse(vm_socket_name(&ids[i], file), &id));
		ck_assert_str_eq(id.name, ids[i].name);
		ck_assert_uint_eq(id.pid, ids[i].pid);
	}
}
END_TEST

START_TEST(other_files_are_no_sockets_of_vms)
{
	static const char *const files[] = {
		"",
		".",
		"..",
		".sock",
		"1.sock",
		".1.sock",
		"a.sock",
		"a.1",
		"a..sock",
		"a.0.sock",
		"a.01.sock",
		"a.-1.sock",
		"a.1x.sock",
		"a. 1.sock",
		"a b.1.sock",
		"a.2147483648.sock",
		".1.new",
		"a.18446744073709551617.sock",
		"a.pvc.1.sock",
		"a.1.sock~",
		"abcdefghijklmnopqrstuvwxyz0123456.1.sock",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.1.sock",
	};
	struct vm_id id;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		ck_assert_msg(!vm_socket_name_parse(files[i], &id), "%s", files[i]);
}
END_TEST

START_TEST(processes_by_number)
{
	static const char *const bad[] = {"",       "1",      "pid:",           "pid:0",
					  "pid:-1", "pid: 1", "pid:1 ",         "pid:1x",
					  "PID:1",  "pid:01", "pid:99999999999"};
	uint32_t pid;

	ck_assert(vm_pid_parse("pid:1234", &pid));
	ck_assert_uint_eq(pid, 1234);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!vm_pid_parse(bad[i], &pid), "%s", bad[i]);
}
END_TEST

Suite *vm_name_suite(void)
{
	Suite *suite = suite_create("vm_name");
	TCase *tcase = tcase_create("vm_name");

	tcase_add_test(tcase, good_names);
	tcase_add_test(tcase, bad_names);
	tcase_add_test(tcase, a_socket_name_can_be_read_back);
	tcase_add_test(tcase, other_files_are_no_sockets_of_vms);
	tcase_add_test(tcase, processes_by_number);
	suite_add_tcase(suite, tcase);
	return suite;
}
