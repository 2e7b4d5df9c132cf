/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/sandbox/: in each role, tries what it must not do, and what it must be able to do. A role cannot be left
 * again, so each is entered by a process of its own, whose reports of refused calls are read from a pipe.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/landlock.h"
#include "sandbox/sandbox.h"
#include "unit/sandbox_attempts.h"

#define ATTEMPTS_MAX 64

/* What a process in a role has found. */
struct found {
	bool was_refused[ATTEMPTS_MAX];
	bool no_new_privs;
	uint64_t capabilities;
	char reports[16384]; /* on standard error */
};

static struct found *found; /* shared with the processes */
static struct error err;

static void setup(void)
{
	ck_assert_uint_le(attempt_count, ATTEMPTS_MAX);
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ck_assert_ptr_ne(found, MAP_FAILED);
}

static void teardown(void)
{
	munmap(found, sizeof(*found));
}

static uint64_t own_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	syscall(SYS_capget, &header, data);
	return (data[0].effective | data[0].permitted) |
	       (uint64_t)(data[1].effective | data[1].permitted) << 32;
}

static void try_all(void)
{
	for (size_t i = 0; i < attempt_count; i++) {
		/* Twice: each is refused, and one report is enough. */
		attempts[i].make();
		found->was_refused[i] = is_refused(attempts[i].make);
	}
	found->capabilities = own_capabilities();
}

/* Runs `work` in a process that has entered the role, and collects what it writes to standard error. */
static void in_role(enum sandbox_role role, const struct sandbox_needs *needs, void (*work)(void))
{
	size_t length = 0;
	ssize_t part;
	int ends[2], status;

	memset(found, 0, sizeof(*found));
	ck_assert_int_eq(pipe(ends), 0);
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(60);
		dup2(ends[1], STDERR_FILENO);
		sandbox_begin();
		if (sandbox_prepare(role, needs, &err) < 0 ||
		    sandbox_prepare(SANDBOX_VCPU, needs, &err) < 0)
			_exit(2);
		sandbox_enter(role);
		work();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	close(ends[1]);
	while ((part = read(ends[0], found->reports + length,
			    sizeof(found->reports) - 1 - length)) > 0)
		length += (size_t)part;
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "role %d: status %#x\n%s",
		      role, status, found->reports);
}

/* How often a call was reported. */
static unsigned reports_of(const char *call)
{
	char wanted[128];
	unsigned count = 0;

	snprintf(wanted, sizeof(wanted), "pagevisor: the sandbox refuses %s to the ", call);
	for (const char *at = found->reports; (at = strstr(at, wanted)); at++)
		count++;
	return count;
}

static bool may(const struct attempt *attempt, enum sandbox_role role, bool pauses, bool writes)
{
	return attempt->may & 1u << role || (pauses && attempt->may_pausing & 1u << role) ||
	       (writes && attempt->may_writing && INSPECT & 1u << role);
}

static void check_role(enum sandbox_role role, bool pauses, bool writes)
{
	const struct sandbox_needs needs = {.pauses = pauses,
					    .directories = {writes ? "/nowhere" : NULL}};

	in_role(role, &needs, try_all);
	for (size_t i = 0; i < attempt_count; i++) {
		const struct attempt *attempt = &attempts[i];
		bool wants_refusal = !may(attempt, role, pauses, writes);

		ck_assert_msg(found->was_refused[i] == wants_refusal,
			      "role %s%s%s, attempt %zu (%s): %s", sandbox_table[role].name,
			      pauses ? ", pausing" : "", writes ? ", writing" : "", i,
			      attempt->call ? attempt->call : "a process or thread",
			      wants_refusal ? "not refused" : "refused");
		if (wants_refusal && attempt->call && role != SANDBOX_STRESS)
			ck_assert_msg(reports_of(attempt->call) == 1, "%s:\n%s", attempt->call,
				      found->reports);
	}
	ck_assert_uint_eq(found->capabilities & ~sandbox_table[role].capabilities, 0);
}

START_TEST(each_role_is_refused_what_it_may_not_do_and_nothing_else)
{
	for (enum sandbox_role role = 0; can_refuse() && role < SANDBOX_ROLES; role++)
		check_role(role, false, false);
}
END_TEST

START_TEST(a_command_that_pauses_may_start_a_process_for_that)
{
	for (enum sandbox_role role = SANDBOX_INSPECT;
	     can_refuse() && role <= SANDBOX_INSPECT_LIBVIRT; role++)
		check_role(role, true, false);
}
END_TEST

START_TEST(a_command_that_writes_a_file_may_write_files)
{
	for (enum sandbox_role role = SANDBOX_INSPECT;
	     can_refuse() && role <= SANDBOX_INSPECT_LIBVIRT; role++)
		check_role(role, false, true);
}
END_TEST

static void note_privileges(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t length = read(fd, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	found->no_new_privs = strstr(text, "\nNoNewPrivs:\t1\n");
	found->capabilities = own_capabilities();
}

START_TEST(no_role_can_gain_privileges)
{
	const struct sandbox_needs needs = {0};

	for (enum sandbox_role role = 0; role < SANDBOX_ROLES; role++) {
		/* The filters of these threads do not let them ask. */
		if (role == SANDBOX_VCPU || role == SANDBOX_MANAGER)
			continue;
		in_role(role, &needs, note_privileges);
		ck_assert(found->no_new_privs);
		ck_assert_uint_eq(found->capabilities & ~sandbox_table[role].capabilities, 0);
	}
}
END_TEST

/* A vCPU's thread beside the VMM's others. */
static void *be_vcpu(void *argument)
{
	sandbox_enter(SANDBOX_VCPU);
	found->was_refused[0] = is_refused(read_file);
	found->was_refused[1] = is_refused(run_vcpu);
	return argument;
}

static void start_vcpu(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, be_vcpu, NULL) || pthread_join(thread, NULL))
		_exit(3);
	found->was_refused[2] = is_refused(read_file);
}

START_TEST(a_vcpu_may_less_than_its_vmm)
{
	const struct sandbox_needs needs = {0};

	if (!can_refuse())
		return;
	in_role(SANDBOX_VMM, &needs, start_vcpu);
	ck_assert(found->was_refused[0]);
	ck_assert(!found->was_refused[1]);
	ck_assert(!found->was_refused[2]);
	ck_assert_msg(strstr(found->reports, "refuses openat to the vCPU, process "), "%s",
		      found->reports);
}
END_TEST

static void *make_directory(void *argument)
{
	found->was_refused[0] = mkdir("/nowhere/at/all", 0700) < 0 && errno == EPERM;
	return argument;
}

/* In a thread that the sandbox knows nothing of, as a library's. */
static void start_library(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, make_directory, NULL) || pthread_join(thread, NULL))
		_exit(3);
}

START_TEST(what_a_library_tries_in_vain_is_not_reported)
{
	const struct sandbox_needs needs = {0};

	if (!can_refuse())
		return;
	in_role(SANDBOX_INSPECT_LIBVIRT, &needs, start_library);
	ck_assert(found->was_refused[0]);
	ck_assert_uint_eq(reports_of("mkdir"), 0);
	in_role(SANDBOX_INSPECT, &needs, start_library);
	ck_assert(found->was_refused[0]);
	ck_assert_msg(strstr(found->reports, "refuses mkdir to the inspector, process "), "%s",
		      found->reports);
}
END_TEST

START_TEST(nothing_is_confined_without_the_sandbox)
{
	const struct sandbox_needs needs = {0};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		sandbox_begin();
		sandbox_turn_off();
		sandbox_prepare(SANDBOX_VMM, &needs, &err);
		sandbox_enter(SANDBOX_VMM);
		/* Neither is a program that it starts. */
		_exit(write_file() < 0 || strncmp(getenv("PAGEVISOR_SANDBOX"), "off", 3) != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

#define FAIL_WITH_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)

/* From here on, the kernel has neither. */
static bool take_away_seccomp_and_landlock(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, FAIL_WITH_ENOSYS),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

START_TEST(what_the_kernel_lacks_is_named_and_left_out)
{
	const struct sandbox_needs needs = {0};
	char missing[32] = "";
	int status;

	if (!can_refuse())
		return;
	pid_t pid = fork();

	if (pid == 0) {
		bool is_taken = take_away_seccomp_and_landlock();

		sandbox_begin();
		if (!is_taken || sandbox_prepare(SANDBOX_VMM, &needs, &err) < 0)
			_exit(1);
		sandbox_enter(SANDBOX_VMM);
		_exit(write_file() < 0 || !sandbox_missing(missing, sizeof(missing)) ||
		      strcmp(missing, "seccomp and Landlock") != 0 || own_capabilities() != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Landlock, where the kernel has it. It answers EACCES, not EPERM. */

static char folder[] = "/tmp/pagevisor-sandbox.XXXXXX";

/* A file of the folder. */
static const char *in_folder(const char *name)
{
	static char paths[2][64];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void try_files_of_vmm(void)
{
	found->was_refused[0] = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
	found->was_refused[1] = open("/proc/self/status", O_RDONLY) < 0;
	found->was_refused[2] = unlink(in_folder("file")) < 0 && errno == EACCES;
}

static void try_files_of_inspector(void)
{
	found->was_refused[0] = open("/etc/passwd", O_RDONLY) < 0;
	found->was_refused[1] = open("/etc/nowhere", O_WRONLY | O_CREAT, 0600) < 0 &&
				errno == EACCES;
	found->was_refused[2] = open(in_folder("a"), O_WRONLY | O_CREAT, 0600) < 0;
	found->was_refused[3] = rename(in_folder("a"), in_folder("b")) < 0;
	found->was_refused[4] = rename(in_folder("b"), "/tmp/pagevisor-moved") < 0;
	found->was_refused[5] = unlink(in_folder("b")) < 0;
}

START_TEST(landlock_limits_a_vmm_to_proc)
{
	const struct sandbox_needs needs = {.runtime_dirs = {"/nowhere"}};

	if (!can_refuse() || landlock_abi() == 0)
		return;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	close(open(in_folder("file"), O_WRONLY | O_CREAT, 0600));
	in_role(SANDBOX_VMM, &needs, try_files_of_vmm);
	unlink(in_folder("file"));
	rmdir(folder);
	ck_assert(found->was_refused[0]);
	ck_assert(!found->was_refused[1]);
	ck_assert(found->was_refused[2]);
}
END_TEST

START_TEST(landlock_limits_an_inspectors_files_to_their_directory)
{
	const struct sandbox_needs needs = {.directories = {folder}};

	if (!can_refuse() || landlock_abi() == 0)
		return;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	in_role(SANDBOX_INSPECT, &needs, try_files_of_inspector);
	ck_assert(!found->was_refused[0]);
	ck_assert(found->was_refused[1]);
	ck_assert(!found->was_refused[2]);
	ck_assert(!found->was_refused[3]);
	ck_assert(found->was_refused[4]);
	ck_assert(!found->was_refused[5]);
	rmdir(folder);
}
END_TEST

Suite *sandbox_suite(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tcase = tcase_create("sandbox");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_role_is_refused_what_it_may_not_do_and_nothing_else);
	tcase_add_test(tcase, a_command_that_pauses_may_start_a_process_for_that);
	tcase_add_test(tcase, a_command_that_writes_a_file_may_write_files);
	tcase_add_test(tcase, no_role_can_gain_privileges);
	tcase_add_test(tcase, a_vcpu_may_less_than_its_vmm);
	tcase_add_test(tcase, what_a_library_tries_in_vain_is_not_reported);
	tcase_add_test(tcase, nothing_is_confined_without_the_sandbox);
	tcase_add_test(tcase, what_the_kernel_lacks_is_named_and_left_out);
	tcase_add_test(tcase, landlock_limits_a_vmm_to_proc);
	tcase_add_test(tcase, landlock_limits_an_inspectors_files_to_their_directory);
	suite_add_tcase(suite, tcase);
	return suite;
}
