/* SPDX-License-Identifier: MPL-2.0 */
/* The RAM of a QEMU guest: see qemu_ram.h. */
#include "source/qemu/qemu_ram.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "source/qemu/qemu_ram_pages.h"

/* A copy and its two system calls take some ten microseconds. */
#define READER_CHUNK (UINT64_C(64) << 10)

static int gone(const struct qemu_ram *ram)
{
	return qemu_peer_has_ended(ram->peer) ? -ENOTCONN : -EFAULT;
}

static int read_process(const struct qemu_ram *ram, uint64_t address, void *buffer, size_t length)
{
	for (size_t done = 0; done < length;) {
		struct iovec local = {(uint8_t *)buffer + done, length - done};
		struct iovec remote = {(void *)(uintptr_t)(address + done), length - done};
		ssize_t part = process_vm_readv((pid_t)ram->peer->pid, &local, 1, &remote, 1, 0);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0 && errno == EPERM)
			return -EPERM;
		if (part <= 0)
			return gone(ram);
		done += (size_t)part;
	}
	/* The pid may be another process's by now. */
	return qemu_peer_has_ended(ram->peer) ? -ENOTCONN : 0;
}

static int read_file(const struct qemu_ram *ram, const struct ram_piece *piece, uint64_t offset,
		     void *buffer, size_t length)
{
	int result = fd_read_at(piece->fd, buffer, length, piece->fd_offset + offset);

	return result < 0 ? gone(ram) : 0;
}

/* Pages that QEMU has written are its own; the file has the rest. The pagemap tells them apart. */
static int read_private_file(const struct qemu_ram *ram, const struct ram_piece *piece,
			     uint64_t offset, uint8_t *buffer, size_t length)
{
	while (length > 0) {
		uint64_t page = align_down(offset, PAGE_SIZE), within = offset - page;
		uint64_t span = align_up(within + length, PAGE_SIZE), run;
		bool is_present;
		int result =
			ram_pages_run(ram->pagemap, piece->address + page, span, &is_present, &run);

		if (result < 0)
			return gone(ram);
		size_t part = run - within < length ? run - within : length;

		result = is_present ? read_process(ram, piece->address + offset, buffer, part)
				    : read_file(ram, piece, offset, buffer, part);
		if (result < 0)
			return result;
		buffer += part;
		offset += part;
		length -= part;
	}
	return 0;
}

static int ram_read(void *own, paddr_t pa, void *buffer, size_t length)
{
	const struct ram_piece *piece = own;
	const struct qemu_ram *ram = piece->ram;
	uint64_t offset = pa.addr - piece->base.addr;

	switch (piece->backing) {
	case RAM_ANONYMOUS:
		return read_process(ram, piece->address + offset, buffer, length);
	case RAM_PRIVATE_FILE:
		return read_private_file(ram, piece, offset, buffer, length);
	case RAM_SHARED:
	case RAM_HUGE:
	case RAM_UNSEALED:
		break;
	}
	return read_file(ram, piece, offset, buffer, length);
}

/* The guest never wrote the pages that QEMU does not have. A private file may still hold data for them. */
static int ram_find_data(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	const struct ram_piece *piece = own;
	const struct qemu_ram *ram = piece->ram;
	uint64_t address = piece->address + (pa.addr - piece->base.addr), run;
	bool is_present;

	*hole = 0;
	*data = length;
	if (ram->pagemap < 0 || piece->backing == RAM_PRIVATE_FILE)
		return 0;
	if (ram_pages_run(ram->pagemap, address, length, &is_present, &run) < 0)
		return gone(ram);
	*hole = is_present ? 0 : run;
	*data = is_present ? run : 0;
	return 0;
}

void qemu_ram_begin(struct qemu_ram *ram, const struct qemu_peer *peer, bool maps_only_sealed,
		    struct guest_memory *memory)
{
	*ram = (struct qemu_ram){
		.peer = peer,
		.memory = memory,
		.pagemap = openat(peer->directory, "pagemap", O_RDONLY | O_CLOEXEC),
		.maps_only_sealed = maps_only_sealed,
	};
}

static enum ram_backing shared_backing(const struct qemu_ram *ram, int fd, bool is_huge)
{
	if (is_huge)
		return RAM_HUGE;
	int seals = ram->maps_only_sealed ? fcntl(fd, F_GET_SEALS) : F_SEAL_SHRINK;

	return seals >= 0 && (seals & F_SEAL_SHRINK) ? RAM_SHARED : RAM_UNSEALED;
}

/* Determines what backs a mapping, and opens its file if needed. */
static int classify(const struct qemu_ram *ram, const struct peer_mapping *mapping,
		    struct ram_piece *piece, struct error *err)
{
	struct stat status;
	struct statfs system;

	piece->fd = -1;
	piece->backing = RAM_ANONYMOUS;
	if (!mapping->inode)
		return 0;
	piece->fd = qemu_peer_open_file(ram->peer, mapping);
	if (piece->fd < 0)
		return error_set(err, -EBADF,
				 "the file behind the RAM of process %u cannot be opened",
				 ram->peer->pid);
	if (fstat(piece->fd, &status) < 0 || fstatfs(piece->fd, &system) < 0)
		return error_set(err, -errno, "the file behind the guest's RAM: %s",
				 strerror(errno));
	piece->fd_offset = mapping->offset + (piece->address - mapping->start);
	if (piece->fd_offset + piece->size > (uint64_t)status.st_size)
		return error_set(err, -EPROTO, "the file behind the RAM of process %u is too short",
				 ram->peer->pid);
	if (!mapping->is_shared)
		piece->backing = RAM_PRIVATE_FILE;
	else
		piece->backing = shared_backing(ram, piece->fd, system.f_type == HUGETLBFS_MAGIC);
	if (piece->backing == RAM_PRIVATE_FILE && ram->pagemap < 0)
		return error_set(err, -EACCES, "no permission to read the pagemap of process %u",
				 ram->peer->pid);
	return 0;
}

/* Reads the first bytes: they show whether all may be read. */
static int try_copy(struct ram_piece *piece, struct error *err)
{
	uint64_t word;

	if (ram_read(piece, piece->base, &word, sizeof(word)) != -EPERM)
		return 0;
	return error_set(err, -EACCES,
			 "no permission to read the private memory of process %u: root has it, and "
			 "its user with Yama's ptrace_scope 0; RAM with share=on needs neither",
			 piece->ram->peer->pid);
}

/* Adds memory that QEMU does not share. */
static int add_copied(struct qemu_ram *ram, struct ram_piece *piece, struct error *err)
{
	const struct memory_reader reader = {
		.read = ram_read, .find_data = ram_find_data, .own = piece, .chunk = READER_CHUNK};
	int result = guest_memory_add_copied(ram->memory, piece->base, piece->size, &reader, err);

	return result < 0 ? result : try_copy(piece, err);
}

int qemu_ram_add(struct qemu_ram *ram, const struct peer_mappings *mappings, paddr_t base,
		 uint64_t size, uint64_t address, struct error *err)
{
	const struct peer_mapping *mapping = peer_mappings_find(mappings, address);

	if (!mapping || size > mapping->end - address)
		return error_set(
			err, -EPROTO,
			"process %u does not have its guest's RAM in one piece at %#" PRIx64,
			ram->peer->pid, address);
	if (ram->count == MEMORY_REGIONS_MAX)
		return error_set(err, -ENOSPC, "more than %d memory regions", MEMORY_REGIONS_MAX);
	struct ram_piece *piece = &ram->pieces[ram->count++]; /* qemu_ram_end closes its file */

	*piece = (struct ram_piece){.ram = ram, .base = base, .size = size, .address = address};
	int result = classify(ram, mapping, piece, err);

	if (result == 0 && piece->backing == RAM_SHARED)
		return guest_memory_add(ram->memory, base, size, piece->fd, piece->fd_offset, false,
					err);
	return result < 0 ? result : add_copied(ram, piece, err);
}

void qemu_ram_end(struct qemu_ram *ram)
{
	for (unsigned i = 0; i < ram->count; i++)
		fd_close(ram->pieces[i].fd);
	fd_close(ram->pagemap);
	ram->count = 0;
}

bool qemu_ram_is_copied(const struct qemu_ram *ram)
{
	for (unsigned i = 0; i < ram->count; i++)
		if (ram->pieces[i].backing != RAM_SHARED)
			return true;
	return false;
}
