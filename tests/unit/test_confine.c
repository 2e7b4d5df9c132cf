/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/cli/confine.c: what a command may do by the names of its VMs. */
#include "unit/suites.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/confine.h"
#include "sandbox/sandbox.h"
#include "unit/sandbox_attempts.h"

static struct error err;
static struct confinement confinement;

/* Runs `work` in a process that is confined as a command that looks at this VM. */
static int as_inspector_of(const char *name, int (*work)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* Refusals are reported. */
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		sandbox_begin();
		_exit(confine_inspector(&name, 1, &confinement, &err) < 0 ? 99 : work());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int is_confined(void)
{
	return is_refused(write_file);
}

static int may_not_remove(void)
{
	return is_refused(remove_file);
}

/* What others have named must not turn the sandbox off: only a URI does. */
START_TEST(only_a_uri_that_starts_a_program_is_not_confined)
{
	static const char *const confined[] = {
		NULL,
		"vm",
		"/tmp/x+ssh:y.pvc",
		"qemu:/tmp/x+ssh:/qmp",
		"qemu:/tmp/x+ext://qmp",
		"libvirt:x+ssh:y",
		"libvirt:qemu:///system#x+ssh:y",
		"libvirt:qemu+unix:///system#x+ext:y",
	};

	if (!can_refuse())
		return;
	unsetenv("LIBVIRT_DEFAULT_URI");
	for (size_t i = 0; i < sizeof(confined) / sizeof(confined[0]); i++)
		ck_assert_msg(as_inspector_of(confined[i], is_confined) == 1, "%s", confined[i]);
	ck_assert_int_eq(as_inspector_of("libvirt:qemu+ssh://host/system#vm", is_confined), 0);
	ck_assert_int_eq(as_inspector_of("libvirt:qemu+ext:///system#vm", is_confined), 0);
}
END_TEST

START_TEST(only_who_looks_for_sockets_may_remove_them)
{
	if (!can_refuse())
		return;
	ck_assert_int_eq(as_inspector_of("vm", may_not_remove), 0);
	ck_assert_int_eq(as_inspector_of("qemu:1", may_not_remove), 1);
	ck_assert_int_eq(as_inspector_of("libvirt:vm", may_not_remove), 1);
}
END_TEST

Suite *confine_suite(void)
{
	Suite *suite = suite_create("confine");
	TCase *tcase = tcase_create("confine");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, only_a_uri_that_starts_a_program_is_not_confined);
	tcase_add_test(tcase, only_who_looks_for_sockets_may_remove_them);
	suite_add_tcase(suite, tcase);
	return suite;
}
