/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of a local domain: see domain_ram.h. */
#include "source/libvirt/domain_ram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/qemu/peer.h"

/* A shared mapping of this size that begins at the start of its file. */
static const struct peer_mapping *find_ram(const struct peer_mappings *mappings, uint64_t size)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct peer_mapping *mapping = &mappings->list[i];

		if (mapping->is_shared && mapping->inode && mapping->offset == 0 &&
		    mapping->end - mapping->start == size)
			return mapping;
	}
	return NULL;
}

static int open_ram(const struct qemu_peer *peer, uint64_t size)
{
	struct peer_mappings mappings;
	struct error ignored;
	int result = qemu_peer_mappings(peer, &mappings, &ignored);

	if (result < 0)
		return result;
	const struct peer_mapping *ram = find_ram(&mappings, size);
	int fd = ram ? qemu_peer_open_file(peer, ram) : -ENOENT;

	free(mappings.list);
	return fd;
}

int domain_ram_open(uint32_t pid, uint64_t size, bool *is_sealed)
{
	struct qemu_peer peer;
	struct error ignored;
	struct stat facts;
	int result = qemu_peer_open(&peer, pid, &ignored);

	if (result < 0)
		return result;
	int fd = open_ram(&peer, size);

	qemu_peer_close(&peer);
	if (fd < 0)
		return fd;
	if (fstat(fd, &facts) < 0 || (uint64_t)facts.st_size < size) {
		close(fd);
		return -ENOENT;
	}
	int seals = fcntl(fd, F_GET_SEALS);

	*is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	return fd;
}
