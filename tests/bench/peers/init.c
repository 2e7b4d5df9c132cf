/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The first process of a Linux guest whose memory a driver takes and returns: loads modules, touches TOUCHED_BYTES of memory
 * and frees them, says so on the console, and waits.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define TOUCHED_BYTES (UINT64_C(1) << 30)
#define MODULES_MAX   64
#define PAGE_BYTES    4096

static bool load_module(const char *name)
{
	char path[sizeof("/modules/") + sizeof(((struct dirent *)0)->d_name)];

	snprintf(path, sizeof(path), "/modules/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_loaded = fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0;

	if (fd >= 0)
		close(fd);
	return is_loaded;
}

/* Modules depend on each other: retries those that failed until no more can be loaded. */
static void load_modules(void)
{
	struct dirent **names;
	int count = scandir("/modules", &names, NULL, alphasort);
	bool is_loaded[MODULES_MAX] = {false}, has_progress = true;

	while (has_progress) {
		has_progress = false;
		for (int i = 0; i < count && i < MODULES_MAX; i++)
			if (!is_loaded[i] && load_module(names[i]->d_name))
				is_loaded[i] = has_progress = true;
	}
}

/* virtio-mem brings half of the memory a moment later. */
static void wait_for_memory(void)
{
	struct sysinfo info;

	while (sysinfo(&info) == 0 &&
	       (uint64_t)info.totalram * info.mem_unit < TOUCHED_BYTES / 2 * 3)
		usleep(10000);
}

int main(void)
{
	char *memory;

	setvbuf(stdout, NULL, _IOLBF, 0);
	load_modules();
	wait_for_memory();
	memory = mmap(NULL, TOUCHED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED) {
		printf("peers: no memory\n");
	} else {
		for (uint64_t at = 0; at < TOUCHED_BYTES; at += PAGE_BYTES)
			memory[at] = 1;
		munmap(memory, TOUCHED_BYTES);
		printf("peers: touched\n");
	}
	for (;;)
		pause();
}
