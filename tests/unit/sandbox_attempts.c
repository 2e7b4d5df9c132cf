/* SPDX-License-Identifier: MPL-2.0 */
/* What processes in the sandbox try: see sandbox_attempts.h. */
#include "unit/sandbox_attempts.h"

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

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

long read_file(void)
{
	return open("/dev/null", O_RDONLY);
}

long write_file(void)
{
	return open("/dev/null", O_WRONLY);
}

static long make_file(void)
{
	return open("/nowhere/file", O_RDWR | O_CREAT, 0600);
}

static long link_file(void)
{
	return linkat(AT_FDCWD, "/nowhere/file", AT_FDCWD, "/nowhere/other", AT_SYMLINK_FOLLOW);
}

static long rename_file(void)
{
	return rename("/nowhere/file", "/nowhere/other");
}

long remove_file(void)
{
	return unlink("/nowhere/file");
}

static long get_executable_memory(void)
{
	return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long make_memory_executable(void)
{
	return mprotect(NULL, 0, PROT_READ | PROT_EXEC);
}

static long run_program(void)
{
	return execve("/nowhere/program", (char *[]){NULL}, (char *[]){NULL});
}

static long make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 ? waitpid(pid, NULL, 0) : pid;
}

static void *do_nothing(void *argument)
{
	return argument;
}

static long make_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, do_nothing, NULL);

	if (error == 0)
		return pthread_join(thread, NULL);
	errno = error;
	return -1;
}

static long open_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long open_network_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long listen_on_socket(void)
{
	return listen(-1, 1);
}

static long send_message(void)
{
	return send(-1, "", 1, 0);
}

static long read_process(void)
{
	return process_vm_readv(getpid(), NULL, 0, NULL, 0, 0);
}

static long write_process(void)
{
	return process_vm_writev(getpid(), NULL, 0, NULL, 0, 0);
}

static long trace_process(void)
{
	return ptrace(PTRACE_PEEKDATA, 0, NULL, NULL);
}

static long signal_thread(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), SIGURG);
}

/* The same, when a descriptor is ready. */
static long signal_by_descriptor(void)
{
	return fcntl(STDERR_FILENO, F_SETOWN, getppid());
}

static long limit_process(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	return prlimit(getppid(), RLIMIT_NLIMITS, &none, NULL);
}

/* In a namespace of users, a process has all capabilities. */
static long make_process_with_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid > 0 ? waitpid((pid_t)pid, NULL, 0) : pid;
}

/* The flags of this one are out of a filter's sight. */
static long make_process_with_new_call(void)
{
	if (syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS)
		errno = EPERM;
	return -1;
}

static long make_calls_by_ring(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL);
}

static long take_descriptor(void)
{
	return syscall(SYS_pidfd_getfd, -1, -1, 0);
}

static long signal_by_process_descriptor(void)
{
	return syscall(SYS_pidfd_send_signal, -1, SIGKILL, NULL, 0);
}

static long change_mode(void)
{
	return chmod("/nowhere/file", 0777);
}

#define X32_CALL 0x40000000 /* __X32_SYSCALL_BIT of the kernel's asm/unistd.h */

static long call_by_other_abi(void)
{
	return syscall(X32_CALL | SYS_getpid);
}

static long signal_process(void)
{
	return kill(getppid(), SIGURG); /* ignored, if it arrives */
}

static long mount_something(void)
{
	return mount("none", "/nowhere", "tmpfs", 0, NULL);
}

static long make_namespace(void)
{
	return unshare(0);
}

static long load_program_into_kernel(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long become_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

long run_vcpu(void)
{
	return ioctl(-1, KVM_RUN, 0);
}

static long read_dirty_log(void)
{
	return ioctl(-1, KVM_GET_DIRTY_LOG, NULL);
}

static long make_vm(void)
{
	return ioctl(-1, KVM_CREATE_VM, 0);
}

static long type_into_terminal(void)
{
	return ioctl(-1, TIOCSTI, "x");
}

static long punch_hole(void)
{
	return fallocate(-1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
}

const struct attempt attempts[] = {
	{read_file, ALL, 0, false, "openat"},
	{write_file, MAY(STRESS), PEERS, true, "openat"},
	{make_file, MAY(STRESS), PEERS, true, "openat"},
	{rename_file, MAY(STRESS), 0, true, "rename"},
	{link_file, MAY(STRESS), 0, true, "linkat"},
	{remove_file, MAY(STRESS), 0, true, "unlink"},
	{change_mode, MAY(STRESS), 0, false, "chmod"},
	{get_executable_memory, LIBVIRT, PEERS, false, "mmap"},
	{make_memory_executable, LIBVIRT, PEERS, false, "mprotect"},
	{run_program, MAY(STRESS), PEERS, false, "execve"},
	{make_process, MAY(STRESS), PEERS, false, NULL},
	{make_thread, ALL, 0, false, NULL},
	{open_unix_socket, INSPECT | LIBVIRT, 0, false, "socket"},
	{open_network_socket, LIBVIRT, 0, false, "socket"},
	{listen_on_socket, MAY(STRESS), 0, false, "listen"},
	{send_message, ALL, 0, false, "sendto"},
	{read_process, PEERS | LIBVIRT, 0, false, "process_vm_readv"},
	{write_process, 0, 0, false, "process_vm_writev"},
	{trace_process, 0, 0, false, "ptrace"},
	{signal_process, MAY(STRESS), PEERS, false, "kill"},
	{signal_thread, MAY(STRESS), PEERS, false, "tgkill"},
	{signal_by_descriptor, MAY(STRESS), 0, false, "fcntl"},
	{signal_by_process_descriptor, MAY(STRESS) | MAY(QEMU_VMM), 0, false, "pidfd_send_signal"},
	{limit_process, MAY(STRESS), 0, false, "prlimit64"},
	{make_process_with_namespace, 0, 0, false, NULL},
	{make_process_with_new_call, 0, 0, false, NULL},
	{make_calls_by_ring, 0, 0, false, "io_uring_setup"},
	{take_descriptor, 0, 0, false, "pidfd_getfd"},
	{call_by_other_abi, 0, 0, false, NULL},
	{mount_something, 0, 0, false, "mount"},
	{make_namespace, 0, 0, false, "unshare"},
	{load_program_into_kernel, 0, 0, false, "bpf"},
	{become_dumpable, MAY(STRESS), 0, false, "prctl"},
	{run_vcpu, MAY(VMM) | MAY(VCPU) | MAY(STRESS), 0, false, "ioctl"},
	{read_dirty_log, MAY(VMM) | MAY(STRESS), 0, false, "ioctl"},
	{make_vm, MAY(STRESS), 0, false, "ioctl"},
	{punch_hole, ALL | MAY(MANAGER), 0, false, "fallocate"},
	{type_into_terminal, MAY(STRESS), 0, false, "ioctl"},
};

const size_t attempt_count = sizeof(attempts) / sizeof(attempts[0]);

bool is_refused(long (*attempt)(void))
{
	errno = 0;
	return attempt() == -1 && errno == EPERM;
}

bool can_refuse(void)
{
	return !IS_SANITIZED && sandbox_support().has_seccomp;
}
