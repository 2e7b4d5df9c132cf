/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory that changes hands all the time, for whoever looks at it meanwhile: anonymous pages that come and go, huge ones among
 * them, files that grow and are cut, processes that are born and die.
 */
#include "agent.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANON_BYTES  (6 * MIB)
#define FILE_WRITES 256
#define STEP_BYTES  (16 * PAGE_BYTES)

static void churn_anon(void)
{
	for (;;) {
		volatile char *bytes = mmap(NULL, ANON_BYTES, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (bytes == MAP_FAILED)
			continue;
		madvise((void *)bytes, ANON_BYTES / 2, MADV_HUGEPAGE);
		for (uint64_t at = 0; at < ANON_BYTES; at += PAGE_BYTES)
			bytes[at] = 1;
		munmap((void *)bytes, ANON_BYTES);
	}
}

static void churn_file(const char *path)
{
	static const char bytes[8 * PAGE_BYTES];

	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		for (int i = 0; fd >= 0 && i < FILE_WRITES; i++)
			if (write(fd, bytes, sizeof(bytes)) < 0)
				break;
		if (fd >= 0)
			close(fd);
		unlink(path);
	}
}

static void churn_processes(void)
{
	for (;;) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

void churn(void)
{
	if (fork() == 0)
		churn_anon();
	if (fork() == 0)
		churn_file("/tmp/churn");
	if (fork() == 0)
		churn_file("/disk/churn");
	if (fork() == 0)
		churn_processes();
	printf("agent: ready\n");
	for (;;)
		pause();
}

static atomic_ulong steps;

static void *take_steps(void *own)
{
	for (;;) {
		volatile char *bytes = mmap(NULL, STEP_BYTES, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (bytes == MAP_FAILED)
			continue;
		for (uint64_t at = 0; at < STEP_BYTES; at += PAGE_BYTES)
			bytes[at] = 1;
		munmap((void *)bytes, STEP_BYTES);
		atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
	}
	return own;
}

void count_steps(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	for (long i = 0; i < cpus; i++)
		if (pthread_create(&thread, NULL, take_steps, NULL) != 0)
			printf("agent: no thread\n");
	printf("agent: ready\n");
	for (;;)
		if (getchar() == '\n')
			printf("agent: steps %lu\n",
			       atomic_load_explicit(&steps, memory_order_relaxed));
}
