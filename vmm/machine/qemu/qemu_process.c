/* SPDX-License-Identifier: MPL-2.0 */
/* A stock QEMU as a child process: see qemu_process.h. */
#include "machine/qemu/qemu_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pagevisor/ports.h>

#include "base/fd.h"

#define ARGUMENTS_MAX 48
#define TEXT_SIZE     128

/* The child's descriptors after the standard ones. */
enum child_fd {
	CHILD_MEMORY = STDERR_FILENO + 1,
	CHILD_KERNEL,
	CHILD_QMP,
	CHILD_FAILURE, /* receives an errno if QEMU cannot be started; closed by exec */
	CHILD_FD_END,
};

/* Above all of these numbers, so that moving one descriptor does not overwrite another. */
#define CHILD_FD_SPARE 64

int qemu_find(char path[QEMU_PATH_SIZE], struct error *err)
{
	const char *list = getenv("PATH");

	while (list && *list) {
		const char *end = strchrnul(list, ':');
		int length = snprintf(path, QEMU_PATH_SIZE, "%.*s/%s", (int)(end - list), list,
				      QEMU_PROGRAM);

		if (length < QEMU_PATH_SIZE && end > list && access(path, X_OK) == 0)
			return 0;
		list = *end ? end + 1 : end;
	}
	return error_set(err, -ENOENT,
			 "no " QEMU_PROGRAM " in PATH; install Debian's package qemu-system-x86");
}

/* The program and its arguments, as text that lives until exec. */
struct arguments {
	char path[QEMU_PATH_SIZE];
	char memory[TEXT_SIZE], backend[TEXT_SIZE], cpus[TEXT_SIZE];
	char kernel[TEXT_SIZE], exit_port[TEXT_SIZE], qmp[TEXT_SIZE];
	unsigned count;
	const char *list[ARGUMENTS_MAX]; /* ends with NULL */
};

static void add(struct arguments *arguments, const char *option, const char *value)
{
	arguments->list[arguments->count++] = option;
	if (value)
		arguments->list[arguments->count++] = value;
}

/*
 * A microvm has the devices that the guest knows and few others: serial port, timers, interrupt controllers. It splits
 * RAM as ram_create does, at 3 GiB. Only the last 64 KiB of the first MiB differ: they hold its firmware, and no kernel
 * uses them.
 */
static void write_arguments(struct arguments *to, const struct qemu_config *config)
{
	snprintf(to->memory, TEXT_SIZE, "size=%" PRIu64 "K", config->memory >> 10);
	snprintf(to->backend, TEXT_SIZE,
		 "memory-backend-file,id=ram,share=on,size=%" PRIu64 "K,mem-path=/proc/self/fd/%d",
		 config->memory >> 10, CHILD_MEMORY);
	/*
	 * Room for a second CPU: without it TCG emulates the guest's atomic operations by plain loads and stores, and those
	 * of the host beside it are lost.
	 */
	snprintf(to->cpus, TEXT_SIZE, "cpus=%u,maxcpus=%u", config->cpus,
		 config->cpus > 1 ? config->cpus : 2);
	snprintf(to->kernel, TEXT_SIZE, "/proc/self/fd/%d", CHILD_KERNEL);
	snprintf(to->exit_port, TEXT_SIZE, "isa-debug-exit,iobase=%#x,iosize=%d", PORT_EXIT,
		 PORT_EXIT_COUNT);
	snprintf(to->qmp, TEXT_SIZE, "socket,id=qmp,fd=%d", CHILD_QMP);

	add(to, QEMU_PROGRAM, NULL);
	add(to, "-no-user-config", NULL);
	add(to, "-nodefaults", NULL);
	add(to, "-S", NULL);
	/* A guest that resets its machine is left as it is, for inspection. */
	add(to, "-action", "reboot=shutdown,shutdown=pause");
	add(to, "-display", "none");
	/* Core dumps leave guest RAM out; see map_region in guest_memory.c. */
	add(to, "-machine",
	    "microvm,memory-backend=ram,auto-kernel-cmdline=off,dump-guest-core=off");
	add(to, "-accel", config->use_kvm ? "kvm" : "tcg,thread=multi");
	if (config->use_kvm)
		add(to, "-cpu", "host");
	add(to, "-object", to->backend);
	add(to, "-m", to->memory);
	add(to, "-smp", to->cpus);
	add(to, "-kernel", to->kernel);
	add(to, "-append", config->command_line);
	add(to, "-chardev", "stdio,id=console,signal=off");
	add(to, "-serial", "chardev:console");
	add(to, "-device", to->exit_port);
	add(to, "-chardev", to->qmp);
	add(to, "-mon", "chardev=qmp,mode=control");
	if (config->has_sandbox)
		add(to, "-sandbox",
		    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}

/* The descriptors for the child, indexed by their numbers there; this process owns all of them. */
struct child_fds {
	int fds[CHILD_FD_END];
};

static void child_fail(int fd)
{
	int error = errno;
	ssize_t written = write(fd, &error, sizeof(error));

	(void)written;
	_exit(127);
}

/* Runs in the child: only calls that are safe after a fork. */
static _Noreturn void become_qemu(const struct arguments *arguments, const struct child_fds *given,
				  pid_t parent)
{
	int moved[CHILD_FD_END];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	setsid();
	for (int i = 0; i < CHILD_FD_END; i++) {
		moved[i] = fcntl(given->fds[i], F_DUPFD, CHILD_FD_SPARE);
		if (moved[i] < 0)
			child_fail(given->fds[CHILD_FAILURE]);
	}
	for (int i = 0; i < CHILD_FD_END; i++)
		dup2(moved[i], i);
	fcntl(CHILD_FAILURE, F_SETFD, FD_CLOEXEC);
	/* If the parent died before this line, getppid() no longer returns it. */
	if (close_range(CHILD_FD_END, UINT_MAX, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL))
		child_fail(CHILD_FAILURE);
	if (getppid() != parent)
		_exit(127);
	execv(arguments->path, (char *const *)arguments->list);
	child_fail(CHILD_FAILURE);
	_exit(127);
}

static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fd_close(fds[i]);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Waits until the child has executed QEMU, or has reported why it cannot. */
static int await_exec(struct qemu_process *process, int failure_fd, const char *path,
		      struct error *err)
{
	ssize_t length;
	int error;

	do
		length = read(failure_fd, &error, sizeof(error));
	while (length < 0 && errno == EINTR);
	if (length != sizeof(error))
		return 0;
	reap(process->pid);
	close(process->pid_fd);
	return error_set(err, -error, "cannot start %.200s: %s", path, strerror(error));
}

static int fork_qemu(struct qemu_process *process, const struct arguments *arguments,
		     const struct child_fds *given, struct error *err)
{
	pid_t parent = getpid();

	process->pid = fork();
	if (process->pid == 0)
		become_qemu(arguments, given, parent);
	if (process->pid < 0)
		return error_set(err, -errno, "cannot start QEMU: %s", strerror(errno));
	process->pid_fd = pidfd_open(process->pid, 0);
	if (process->pid_fd < 0) {
		int result = error_set(err, -errno, "pidfd_open: %s", strerror(errno));

		kill(process->pid, SIGKILL);
		reap(process->pid);
		return result;
	}
	return 0;
}

/* Both ends of each channel, ours first. */
struct channels {
	int console[2], errors[2], failure[2], qmp[2];
	int null;
};

static int open_channels(struct channels *channels, struct error *err)
{
	*channels = (struct channels){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1};
	channels->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (channels->null < 0)
		return error_set(err, -errno, "cannot start QEMU: /dev/null: %s", strerror(errno));
	if (pipe2(channels->console, O_CLOEXEC) || pipe2(channels->errors, O_CLOEXEC) ||
	    pipe2(channels->failure, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels->qmp))
		return error_set(err, -errno, "cannot start QEMU: %s", strerror(errno));
	fcntl(channels->console[0], F_SETFL, O_NONBLOCK);
	fcntl(channels->errors[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static int spawn(struct qemu_process *process, const struct qemu_config *config,
		 const struct arguments *arguments, struct channels *channels, struct error *err)
{
	const struct child_fds given = {{
		[STDIN_FILENO] = channels->null,
		[STDOUT_FILENO] = channels->console[1],
		[STDERR_FILENO] = channels->errors[1],
		[CHILD_MEMORY] = config->memory_fd,
		[CHILD_KERNEL] = config->kernel_fd,
		[CHILD_QMP] = channels->qmp[1],
		[CHILD_FAILURE] = channels->failure[1],
	}};
	int result = fork_qemu(process, arguments, &given, err);

	if (result < 0)
		return result;
	/* From here on only the child holds its ends, so ours show when it exits. */
	close(channels->failure[1]);
	channels->failure[1] = -1;
	result = await_exec(process, channels->failure[0], arguments->path, err);
	if (result < 0)
		return result;
	process->console_fd = channels->console[0];
	process->errors_fd = channels->errors[0];
	process->qmp_fd = channels->qmp[0];
	channels->console[0] = channels->errors[0] = channels->qmp[0] = -1;
	return 0;
}

int qemu_spawn(struct qemu_process *process, const struct qemu_config *config, struct error *err)
{
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	struct channels channels;

	if (!arguments)
		return error_set(err, -ENOMEM, "no memory to start QEMU");
	int result = qemu_find(arguments->path, err);

	if (result == 0) {
		write_arguments(arguments, config);
		result = open_channels(&channels, err);
		if (result == 0)
			result = spawn(process, config, arguments, &channels, err);
		close_all((const int *)&channels, sizeof(channels) / sizeof(int));
	}
	free(arguments);
	return result;
}
