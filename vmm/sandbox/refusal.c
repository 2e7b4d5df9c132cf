/* SPDX-License-Identifier: MPL-2.0 */
/* Reports refused calls: see refusal.h. */
#include "sandbox/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CALLS_MAX 512

/* si_code of a signal from seccomp: the kernel's asm-generic/siginfo.h, which clashes with that of the C library. */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

static char *names[CALLS_MAX]; /* constant once refusal_begin has returned */
static unsigned char reported[CALLS_MAX];
static int log_fd = -1;
/* Of threads without a name of their own. Written before there are any. */
static const char *process_name = "process";
static __thread const char *thread_name;

/* A line, built by what is safe in a handler. */
struct line {
	size_t length;
	char text[256];
};

static void add(struct line *line, const char *text)
{
	while (*text && line->length < sizeof(line->text))
		line->text[line->length++] = *text++;
}

static void add_number(struct line *line, unsigned long number)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	add(line, digits + at);
}

static void write_line(int fd, const struct line *line)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	/* A full pipe must not stop a vCPU. */
	if (fd < 0 || poll(&ready, 1, 0) != 1)
		return;
	ssize_t ignored = write(fd, line->text, line->length);

	(void)ignored;
}

static void report(unsigned long call)
{
	struct line line = {0};
	/* Relaxed: the flag publishes nothing, it only picks one reporter. */
	bool is_first = call >= CALLS_MAX ||
			!__atomic_exchange_n(&reported[call], 1, __ATOMIC_RELAXED);

	add(&line, "pagevisor: the sandbox refuses ");
	add(&line, call < CALLS_MAX && names[call] ? names[call] : "system call ");
	if (call >= CALLS_MAX || !names[call])
		add_number(&line, call);
	add(&line, " to the ");
	add(&line, thread_name ? thread_name : process_name);
	add(&line, ", process ");
	add_number(&line, (unsigned long)getpid());
	add(&line, "\n");
	write_line(log_fd, &line);
	if (is_first)
		write_line(STDERR_FILENO, &line);
}

static void on_refusal(int signal_number, siginfo_t *info, void *context)
{
	ucontext_t *machine = context;
	int error = errno;

	if (info->si_code != SYS_SECCOMP) {
		/* Somebody sent it: does what it does without a handler. */
		signal(signal_number, SIG_DFL);
		raise(signal_number);
		return;
	}
	report((unsigned long)info->si_syscall);
	machine->uc_mcontext.gregs[REG_RAX] = -EPERM;
	errno = error;
}

void refusal_begin(void)
{
	const struct sigaction action = {.sa_sigaction = on_refusal,
					 .sa_flags = SA_SIGINFO | SA_NODEFER};
	const char *path = getenv("PAGEVISOR_SANDBOX_LOG");

	if (path)
		log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
	for (int i = 0; i < CALLS_MAX; i++)
		names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
	sigaction(SIGSYS, &action, NULL);
}

void refusal_name_thread(const char *name)
{
	thread_name = name;
	if (gettid() == getpid())
		process_name = name;
}
