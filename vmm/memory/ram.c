/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of one of our VMs: see ram.h. */
#include "memory/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pagevisor/layout.h>

static int set_up(struct guest_memory *memory, int fd, uint64_t size, struct error *err)
{
	uint64_t low = size < LOW_RAM_MAX ? size : LOW_RAM_MAX;

	if (ftruncate(fd, (off_t)size))
		return error_set(err, -errno, "cannot make %" PRIu64 " MiB of guest memory: %s",
				 size >> 20, strerror(errno));
	/*
	 * Whoever maps the file can rely on its size, and whoever gets hold of its descriptor cannot use it to fill the
	 * host's memory. Not F_SEAL_FUTURE_WRITE: it would forbid its owner, too, to punch holes.
	 */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return error_set(err, -errno, "sealing guest memory: %s", strerror(errno));

	int result = guest_memory_add(memory, paddr(0), low, fd, 0, true, err);

	if (result >= 0 && size > low)
		result = guest_memory_add(memory, paddr(HIGH_RAM_BASE), size - low, fd, low, true,
					  err);
	return result;
}

int ram_create(struct guest_memory *memory, uint64_t size, struct error *err)
{
	if (size < VM_MEMORY_MIN || size > VM_MEMORY_MAX || !is_aligned(size, PAGE_SIZE))
		return error_set(err, -EINVAL,
				 "%" PRIu64 " bytes of memory; 16 MiB to 64 GiB in whole pages "
				 "are supported",
				 size);
	int fd = memfd_create("pagevisor-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return error_set(err, -errno, "memfd_create: %s", strerror(errno));
	int result = set_up(memory, fd, size, err);

	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}
