/* SPDX-License-Identifier: MPL-2.0 */
/* pagemeta's platform on the host: see pagemeta_platform.h. */
#include <pagemeta_platform.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct meta_slot *host_meta_base;
uint8_t *host_linear_base;
__thread unsigned host_cpu;
void (*host_keeper_ring)(void);
uint64_t host_keeper_turns = UINT64_C(1) << 30;

static int memory_fd = -1;
static uint64_t memory_size;
static uint64_t meta_size;

bool host_memory_create(uint64_t size)
{
	host_memory_destroy();
	memory_fd = memfd_create("pagemeta-host", MFD_CLOEXEC);
	if (memory_fd < 0)
		return false;
	if (ftruncate(memory_fd, (off_t)size))
		goto close;
	void *map =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory_fd, 0);
	if (map == MAP_FAILED)
		goto close;
	host_linear_base = map;
	memory_size = size;
	return true;
close:
	close(memory_fd);
	memory_fd = -1;
	return false;
}

void host_memory_destroy(void)
{
	if (host_meta_base)
		munmap(host_meta_base, meta_size);
	if (host_linear_base)
		munmap(host_linear_base, memory_size);
	if (memory_fd >= 0)
		close(memory_fd);
	host_meta_base = NULL;
	host_linear_base = NULL;
	memory_fd = -1;
}

int host_memory_fd(void)
{
	return memory_fd;
}

bool platform_add_temp_linear_mapping(struct early_allocator *early, paddr_t end)
{
	(void)early;
	/* The linear mapping covers all memory from the start. */
	return end.addr <= memory_size;
}

bool platform_map_metadata(struct early_allocator *early, paddr_t array, uint64_t size)
{
	(void)early;
	void *map =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, (off_t)array.addr);

	if (map == MAP_FAILED)
		return false;
	/* The guest refuses a second mapping; here it replaces the first. */
	if (host_meta_base)
		munmap(host_meta_base, meta_size);
	host_meta_base = map;
	meta_size = size;
	return true;
}

void platform_patch_text(void *code, const void *bytes, size_t size)
{
	uintptr_t start = align_down((uintptr_t)code, PAGE_SIZE);
	uintptr_t end = align_up((uintptr_t)code + size, PAGE_SIZE);

	if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC) < 0) {
		perror("cannot make code writable");
		abort();
	}
	memcpy(code, bytes, size);
}

_Noreturn void platform_abort(const char *what, paddr_t frame, uint64_t state)
{
	fprintf(stderr, "frame %#" PRIx64 ", state %#" PRIx64 ": %s\n", frame.addr, state, what);
	abort();
}
