/* SPDX-License-Identifier: MPL-2.0 */
/* Steps of a Linux guest with an inspector: see linux_noticed.h. */
#include "tests/bench/linux_noticed.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/bench/ratios.h"
#include "tests/bench/small.h"

#define TURNS_MAX    9
#define WINDOW_US    2200000 /* several looks */
#define WINDOW_SMALL 200000
#define PATIENCE_S   60
#define WORDS        8

/* A moment of the guest. */
struct moment {
	uint64_t steps;
	uint64_t cpu_ns; /* of its QEMU */
};

static void fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static uint64_t cpu_ns_of(pid_t pid)
{
	struct timespec now;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &now))
		fail("the guest has ended");
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static FILE *open_console(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		fail("no connection to the guest's console");
	FILE *console = fdopen(fd, "r");

	if (!console)
		fail("no memory");
	return console;
}

static struct moment look(FILE *console, pid_t qemu)
{
	struct moment moment;
	char line[256];

	if (write(fileno(console), "\n", 1) != 1)
		fail("the guest's console is closed");
	while (fgets(line, sizeof(line), console))
		if (sscanf(line, "agent: steps %" SCNu64, &moment.steps) == 1) {
			moment.cpu_ns = cpu_ns_of(qemu);
			return moment;
		}
	fail("the guest does not say how far it has come");
	return moment;
}

/* Steps for each second of CPU time, from now on. */
static double rate(FILE *console, pid_t qemu)
{
	struct moment from = look(console, qemu), to;

	usleep(bench_is_small() ? WINDOW_SMALL : WINDOW_US);
	to = look(console, qemu);
	return (double)(to.steps - from.steps) / ((double)(to.cpu_ns - from.cpu_ns) / NS_PER_S);
}

static pid_t start(const char *const *words)
{
	pid_t child = fork();

	if (child == 0) {
		int nowhere = open("/dev/null", O_RDWR);

		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(nowhere, fd);
		execv(words[0], (char *const *)words);
		_exit(127);
	}
	if (child < 0)
		fail("fork failed");
	return child;
}

static void stop(pid_t child)
{
	int status;

	/* It must have looked all the time. */
	if (waitpid(child, &status, WNOHANG) != 0)
		fail("the inspector has ended");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

static void run_row(const char *what, const char *const *words, FILE *console, pid_t qemu,
		    unsigned turns)
{
	double with[TURNS_MAX], without[TURNS_MAX], ratios[TURNS_MAX];

	for (unsigned i = 0; i < turns; i++) {
		without[i] = rate(console, qemu);
		pid_t inspector = start(words);

		with[i] = rate(console, qemu);
		stop(inspector);
		ratios[i] = with[i] / without[i];
	}
	printf("%-28s  %9.0f/s  %-28s %9.0f/s", what, bench_median(with, turns), "alone",
	       bench_median(without, turns));
	bench_print_ratios(ratios, turns, 0.98, false);
}

int linux_noticed(pid_t qemu, const char *path, const char *program, unsigned turns)
{
	char vm[32];
	FILE *console = open_console(path);

	snprintf(vm, sizeof(vm), "qemu:%d", (int)qemu);
	const char *const stat[WORDS] = {program, "stat", "--follow", "--interval", "1", vm};
	const char *const top[WORDS] = {program, "top", "--batch=1000000", "--jsonl", "--interval",
					"1",     vm};

	printf("a guest at work; medians of %u turns\n", turns);
	run_row("stat each second", stat, console, qemu, turns);
	run_row("top each second", top, console, qemu, turns);
	fclose(console);
	return 0;
}
