/* SPDX-License-Identifier: MPL-2.0 */
/* Processes that take and give back pages for ever, so that their struct pages change as fast as the kernel can: see agent.h. */
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHURNERS   2
#define AREA       (1 << 20)
#define PAGE       4096
#define FORK_EVERY 16 /* turns */

static void touch(volatile char *area, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		area[at] = 1;
}

/* Anonymous pages, which every now and then have two owners for a while. */
static void take_private(unsigned turn)
{
	char *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return;
	touch(area, AREA);
	if (turn % FORK_EVERY == 0) {
		pid_t pid = fork();

		if (pid == 0) {
			touch(area, AREA / 2);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	munmap(area, AREA);
}

/* Pages of a file without a disk, which go while they are mapped. */
static void take_file(int fd)
{
	if (ftruncate(fd, AREA) < 0)
		return;
	char *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (area != MAP_FAILED)
		touch(area, AREA);
	if (ftruncate(fd, 0) < 0)
		complain("ftruncate");
	if (area != MAP_FAILED)
		munmap(area, AREA);
}

void churn(void)
{
	for (int i = 0; i < CHURNERS; i++)
		if (fork() == 0) {
			int fd = memfd_create("churn", 0);

			for (unsigned turn = 0;; turn++) {
				take_private(turn);
				take_file(fd);
			}
		}
}
