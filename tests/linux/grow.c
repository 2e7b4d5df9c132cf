/* SPDX-License-Identifier: MPL-2.0 */
/* Grows what a comparison of two looks is to find: see agent.h. */
#include "agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A name that means something to a terminal: it reaches no one's as it is. */
#define HOSTILE_NAME "/grow/\033[31mred\n(new)"

static bool write_mib(const char *path, unsigned mib)
{
	static char block[MIB];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	bool is_written = fd >= 0;

	memset(block, 7, sizeof(block));
	for (unsigned i = 0; is_written && i < mib; i++)
		is_written = write(fd, block, sizeof(block)) == (ssize_t)sizeof(block);
	if (fd >= 0)
		close(fd);
	if (!is_written)
		complain(path);
	return is_written;
}

static void take_mib(unsigned mib)
{
	char *memory =
		mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		complain("mmap");
	else
		memset(memory, 5, mib * MIB);
}

/* Each is an object of one cache, and of that of its signal. */
static void make_timers(unsigned count)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	int id;

	setrlimit(RLIMIT_SIGPENDING, &all);
	for (unsigned i = 0; i < count; i++)
		if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) < 0) {
			complain("timer_create");
			return;
		}
}

/* A child that holds memory of its own. Returns once it has. */
static pid_t start_child(const char *name, unsigned mib)
{
	int ends[2];
	char ready;

	if (pipe(ends) < 0)
		return -1;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NAME, name);
		take_mib(mib);
		if (write(ends[1], "", 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ends[0], &ready, 1) != 1)
		complain(name);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

void wait_and_grow(void)
{
	pid_t leaving;

	mkdir("/grow", 0755);
	if (mount("grow", "/grow", "tmpfs", 0, NULL) < 0)
		complain("/grow");
	write_mib("/grow/leak", 1);
	write_mib("/grow/gone", 3);
	leaving = start_child("leaving", 5);
	printf("agent: ready\n");
	if (getchar() == EOF)
		return;
	write_mib("/grow/leak", 24);
	write_mib(HOSTILE_NAME, 2);
	unlink("/grow/gone");
	rename("/grow/leak", "/grow/renamed");
	kill(leaving, SIGKILL);
	make_timers(30000);
	start_child("coming", 8);
	take_mib(16);
	printf("agent: grown\n");
}
