/* SPDX-License-Identifier: MPL-2.0 */
/* Which system calls the groups of calls.h allow, and with which arguments: see filter.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox/calls.h"
#include "sandbox/filter.h"

/* The index of a group. */
#define GROUP(calls) __builtin_ctz(calls)

/* Calls that are allowed whatever their arguments. Each list ends with NULL. */
static const char *const plain[CALLS_GROUPS][96] = {
	[GROUP(CALLS_CORE)] = {"read",
			       "write",
			       "readv",
			       "writev",
			       "pread64",
			       "pwrite64",
			       "close",
			       "poll",
			       "ppoll",
			       "futex",
			       "munmap",
			       "mremap",
			       "madvise",
			       "brk",
			       "rt_sigreturn",
			       "rt_sigprocmask",
			       "rt_sigaction",
			       "sigaltstack",
			       "restart_syscall",
			       "exit",
			       "exit_group",
			       "clock_gettime",
			       "clock_getres",
			       "clock_nanosleep",
			       "nanosleep",
			       "gettimeofday",
			       "time",
			       "sched_yield",
			       "getpid",
			       "gettid",
			       "membarrier",
			       "getrandom",
			       "rseq",
			       "set_robust_list",
			       "getcpu",
			       "mincore"},
	[GROUP(CALLS_FILES)] = {"stat",
				"fstat",
				"lstat",
				"newfstatat",
				"statx",
				"lseek",
				"getdents64",
				"readlink",
				"readlinkat",
				"access",
				"faccessat",
				"faccessat2",
				"dup",
				"dup2",
				"dup3",
				"getcwd",
				"fadvise64",
				"statfs",
				"fstatfs",
				"select",
				"pselect6",
				"epoll_create1",
				"epoll_ctl",
				"epoll_wait",
				"epoll_pwait",
				"eventfd2",
				"pipe2",
				"signalfd4",
				"timerfd_create",
				"timerfd_settime",
				"getuid",
				"geteuid",
				"getgid",
				"getegid",
				"getppid",
				"getpgrp",
				"getpgid",
				"sysinfo",
				"uname",
				"getrlimit",
				"getrusage",
				"sched_getaffinity",
				"memfd_create",
				"ftruncate",
				"fallocate",
				"inotify_init1",
				"inotify_add_watch",
				"inotify_rm_watch",
				"getgroups",
				"getresuid",
				"getresgid",
				"preadv",
				"preadv2",
				"pwritev",
				"msync"},
	/* Also what makes a sandbox stricter. */
	[GROUP(CALLS_THREADS)] = {"set_tid_address", "seccomp", "landlock_create_ruleset",
				  "landlock_add_rule", "landlock_restrict_self", "capget",
				  "capset"},
	[GROUP(CALLS_SERVE)] = {"accept4", "accept", "recvfrom", "recvmsg", "sendto", "sendmsg",
				"getsockopt", "setsockopt", "shutdown"},
	[GROUP(CALLS_CONNECT)] = {"connect", "recvfrom", "recvmsg", "sendto", "sendmsg",
				  "getsockopt", "setsockopt", "shutdown", "getpeername",
				  "getsockname", "pidfd_open"},
	[GROUP(CALLS_NETWORK)] = {"socket", "bind", "sendmmsg", "recvmmsg"},
	[GROUP(CALLS_PEER)] = {"process_vm_readv"},
	[GROUP(CALLS_CHILD)] = {"pidfd_send_signal", "waitid", "wait4"},
	[GROUP(CALLS_WRITE)] = {"open", "openat", "rename", "renameat", "renameat2", "unlink",
				"unlinkat", "linkat", "fsync", "fdatasync", "fchmod", "umask"},
	[GROUP(CALLS_FORK)] = {"fork", "vfork", "wait4", "waitid", "setsid", "setpgid",
			       "close_range", "kill", "tgkill"},
	[GROUP(CALLS_EXEC)] = {"execve", "execveat", "arch_prctl", "set_tid_address", "chdir",
			       "fchdir", "open", "openat"},
	/* The last three are made by libraries that libvirt brings along, when they are loaded. */
	[GROUP(CALLS_LOAD)] = {"mmap", "mprotect", "get_mempolicy", "set_mempolicy",
			       "sched_getaffinity"},
	[GROUP(CALLS_REMOVE)] = {"unlink", "unlinkat", "renameat", "renameat2"},
	[GROUP(CALLS_HOLES)] = {"fallocate", "fstat", "newfstatat", "lseek", "geteuid"},
};

/* What CALLS_ANY refuses. The calls of io_uring make others, which no filter sees. */
static const char *const dangerous[] = {
	"acct",
	"add_key",
	"adjtimex",
	"bpf",
	"chroot",
	"clock_adjtime",
	"clock_settime",
	"delete_module",
	"fanotify_init",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"kcmp",
	"keyctl",
	"migrate_pages",
	"mount",
	"mount_setattr",
	"move_mount",
	"move_pages",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"personality",
	"pidfd_getfd",
	"pivot_root",
	"process_madvise",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"quotactl_fd",
	"reboot",
	"request_key",
	"setdomainname",
	"sethostname",
	"setns",
	"settimeofday",
	"swapoff",
	"swapon",
	"syslog",
	"umount2",
	"unshare",
	"userfaultfd",
	"vhangup",
	NULL,
};

/* The flags of open that write, or make a file. */
#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))

/* CLONE_NEWTIME has the bit of a signal number: only clone3 and unshare can ask for it. */
static const unsigned long namespaces[] = {
	CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET, 0};

/*
 * Descriptors, their flags, seals and locks. Not who gets a signal when a descriptor is ready: F_SETOWN and F_SETSIG send
 * any signal to any process of the user.
 */
static const unsigned long fcntl_commands[] = {
	F_DUPFD_CLOEXEC, F_GETFD,     F_SETFD,     F_GETFL,      F_SETFL,     F_GETLK,     F_SETLK,
	F_SETLKW,        F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GET_SEALS, F_ADD_SEALS, 0};

/* What libcap-ng, which libvirt brings along, asks when it is loaded. */
static const unsigned long load_prctls[] = {PR_CAPBSET_READ, PR_GET_SECUREBITS, PR_GET_NO_NEW_PRIVS,
					    PR_CAP_AMBIENT, 0};

static const unsigned long vcpu_ioctls[] = {KVM_RUN, KVM_GET_REGS, KVM_GET_SREGS, 0};
/* The dirty log; then what reads the state of a machine that is saved. Nothing sets it: that comes before the sandbox. */
static const unsigned long vm_ioctls[] = {KVM_SET_USER_MEMORY_REGION,
					  KVM_GET_DIRTY_LOG,
					  KVM_CLEAR_DIRTY_LOG,
					  KVM_GET_MP_STATE,
					  KVM_GET_REGS,
					  KVM_GET_SREGS,
					  KVM_GET_SREGS2,
					  KVM_GET_LAPIC,
					  KVM_GET_VCPU_EVENTS,
					  KVM_GET_XCRS,
					  KVM_GET_DEBUGREGS,
					  KVM_GET_XSAVE,
					  KVM_GET_XSAVE2,
					  KVM_GET_MSRS,
					  KVM_GET_DEVICE_ATTR,
					  KVM_GET_TSC_KHZ,
					  KVM_GET_IRQCHIP,
					  KVM_GET_PIT2,
					  KVM_GET_CLOCK,
					  0};
static const unsigned long file_ioctls[] = {TCGETS, TIOCGWINSZ, FIONREAD, 0};
static const unsigned long terminal_ioctls[] = {TCSETS,    TCSETSW,    TCSETSF,    TIOCGPGRP,
						TIOCSPGRP, TIOCGWINSZ, TIOCSWINSZ, 0};

static void allow_all(struct filter *filter, const char *const *names)
{
	for (; *names; names++)
		filter_allow(filter, *names);
}

/* Allows a call if one argument has one of these values, which end with 0. */
static void allow_equal(struct filter *filter, const char *name, unsigned argument,
			const unsigned long *values)
{
	for (; *values; values++)
		filter_allow_equal(filter, name, argument, *values);
}

/*
 * With glibc a process is made by clone, or by clone3, whose flags a filter cannot see: it then tries clone. No process
 * gets namespaces of its own: in those it would have all capabilities.
 */
static void limit_processes(struct filter *filter, unsigned calls)
{
	uint64_t of_namespaces = 0;

	for (const unsigned long *flag = namespaces; *flag; flag++)
		of_namespaces |= *flag;
	filter_fail(filter, "clone3", calls & (CALLS_THREADS | CALLS_FORK) ? ENOSYS : EPERM);
	if (calls & CALLS_FORK) {
		filter_allow_bits(filter, "clone", 0, of_namespaces, 0);
		return;
	}
	filter_fail(filter, "fork", EPERM);
	filter_fail(filter, "vfork", EPERM);
	/* Signals for its own threads alone. */
	filter_allow_equal(filter, "tgkill", 0, (uint64_t)getpid());
	/* Whether a process lives; no signal. */
	if (calls & CALLS_CONNECT)
		filter_allow_equal(filter, "kill", 1, 0);
	if (calls & CALLS_THREADS) {
		filter_allow_bits(filter, "clone", 0, CLONE_THREAD | of_namespaces, CLONE_THREAD);
		filter_fail_bits(filter, "clone", 0, CLONE_THREAD, 0, EPERM);
	} else {
		filter_fail(filter, "clone", EPERM);
	}
}

/* Everything else is allowed. */
static void refuse_dangerous(struct filter *filter)
{
	for (const char *const *name = dangerous; *name; name++)
		filter_fail(filter, *name, EPERM);
	filter_fail(filter, "clone3", ENOSYS);
	for (const unsigned long *flag = namespaces; *flag; flag++)
		filter_fail_bits(filter, "clone", 0, *flag, *flag, EPERM);
}

static void allow_with_arguments(struct filter *filter, unsigned calls)
{
	if (!(calls & CALLS_LOAD)) {
		filter_allow_bits(filter, "mmap", 2, PROT_EXEC, 0);
		filter_allow_bits(filter, "mprotect", 2, PROT_EXEC, 0);
	}
	if ((calls & CALLS_FILES) && !(calls & (CALLS_WRITE | CALLS_EXEC))) {
		filter_allow_bits(filter, "open", 1, OPEN_WRITES, O_RDONLY);
		filter_allow_bits(filter, "openat", 2, OPEN_WRITES, O_RDONLY);
	}
	if ((calls & CALLS_CONNECT) && !(calls & CALLS_NETWORK))
		filter_allow_equal(filter, "socket", 0, AF_UNIX);
	if (calls & CALLS_CONNECT)
		filter_allow_equal(filter, "socketpair", 0, AF_UNIX);
	if (calls & CALLS_THREADS) {
		filter_allow_equal(filter, "prctl", 0, PR_SET_NAME);
		filter_allow_equal(filter, "prctl", 0, PR_SET_NO_NEW_PRIVS);
	}
	if (calls & CALLS_LOAD)
		allow_equal(filter, "prctl", 0, load_prctls);
	/* Without XDG_RUNTIME_DIR, GLib makes the user's cache directory for libvirt, and does without: not worth a report. */
	if (calls & CALLS_NETWORK)
		filter_fail(filter, "mkdir", EPERM);
	if (calls & CALLS_FORK)
		filter_allow_equal(filter, "prctl", 0, PR_SET_PDEATHSIG);
	/* Limits of this process, and not of others. */
	if (calls & (CALLS_THREADS | CALLS_EXEC))
		filter_allow_equal(filter, "prlimit64", 0, 0);
	if (calls & CALLS_FILES) {
		filter_allow_equal(filter, "fcntl", 1, F_DUPFD);
		allow_equal(filter, "fcntl", 1, fcntl_commands);
		allow_equal(filter, "ioctl", 1, file_ioctls);
	}
	if (calls & CALLS_VCPU)
		allow_equal(filter, "ioctl", 1, vcpu_ioctls);
	if (calls & CALLS_VM)
		allow_equal(filter, "ioctl", 1, vm_ioctls);
	if (calls & CALLS_TERMINAL) {
		allow_equal(filter, "ioctl", 1, terminal_ioctls);
		/* Ctrl-Z stops the command itself. */
		filter_allow_equal(filter, "kill", 0, (uint64_t)getpid());
	}
}

void calls_add(struct filter *filter, unsigned calls)
{
	if (calls & CALLS_ANY) {
		refuse_dangerous(filter);
		return;
	}
	for (unsigned i = 0; i < CALLS_GROUPS; i++)
		if (calls & 1u << i)
			allow_all(filter, plain[i]);
	allow_with_arguments(filter, calls);
	limit_processes(filter, calls);
}
