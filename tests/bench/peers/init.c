/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The first process of a Linux guest whose memory a driver takes and returns: loads modules, touches TOUCHED_BYTES of memory
 * and frees them, says so on the console, and waits.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "modules.h"

#define TOUCHED_BYTES (UINT64_C(1) << 30)
#define PAGE_BYTES    4096

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
	load_modules("peers");
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
