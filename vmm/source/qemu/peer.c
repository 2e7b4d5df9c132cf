/* SPDX-License-Identifier: MPL-2.0 */
/* A QEMU process under /proc: see peer.h. */
#include "source/qemu/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "source/qemu/peer_program.h"

#define MAPPINGS_MAX 65536 /* vm.max_map_count is 65530 by default */

/* The dynamic loader maps the program first of all, and mappings go downwards. */
#define LOADED_FILES_MAX 8

/* Fields of /proc/PID/stat after the name's closing parenthesis, from 0: proc(5) counts starttime as the 22nd. */
#define START_TIME_FIELD 19

static int no_process(uint32_t pid, struct error *err)
{
	return error_set(err, -ESRCH, "there is no process %u", pid);
}

static int not_permitted(uint32_t pid, struct error *err)
{
	return error_set(err, -EACCES,
			 "no permission to inspect process %u: it is another user's, or more "
			 "privileged",
			 pid);
}

/* Sets the error for a system call that failed with this errno. What this process lacks says nothing about the other. */
static int refused(uint32_t pid, int error, struct error *err)
{
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return error_set(err, -error, "cannot open process %u: %s", pid, strerror(error));
	return error == EACCES || error == EPERM ? not_permitted(pid, err) : no_process(pid, err);
}

/*
 * Whether QEMU was started through the dynamic loader: then the process runs the loader, and QEMU is a file whose data
 * segment is mapped. Opening that takes root's permissions, or a descriptor that the process still has.
 */
static bool has_loaded_qemu(const struct qemu_peer *peer)
{
	struct peer_mappings mappings;
	struct error ignored;
	unsigned opened = 0;
	bool found = false;

	if (qemu_peer_mappings(peer, &mappings, &ignored) < 0)
		return false;
	for (size_t i = mappings.count; !found && i > 0 && opened < LOADED_FILES_MAX; i--) {
		const struct peer_mapping *mapping = &mappings.list[i - 1];
		int fd = mapping->inode && !mapping->is_shared ? qemu_peer_open_file(peer, mapping)
							       : -ENOENT;

		if (fd < 0)
			continue;
		opened++;
		found = program_is_qemu(fd);
		close(fd);
	}
	free(mappings.list);
	return found;
}

/* The link leads to the program even after its file was deleted or replaced. */
static int check_program(const struct qemu_peer *peer, struct error *err)
{
	char target[4096], name[64];
	ssize_t length = readlinkat(peer->directory, "exe", target, sizeof(target) - 1);
	int fd;

	if (length < 0 && errno != ENOENT)
		return refused(peer->pid, errno, err);
	target[length > 0 ? length : 0] = '\0';
	/* A kernel thread has no program. */
	fd = length > 0 ? openat(peer->directory, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (length > 0 && fd < 0)
		return refused(peer->pid, errno, err);
	bool is_qemu = fd >= 0 && program_is_qemu(fd);

	fd_close(fd);
	if (is_qemu || has_loaded_qemu(peer))
		return 0;
	program_name(target, name, sizeof(name));
	return error_set(err, -ENOENT, "process %u is not QEMU: it runs %s", peer->pid,
			 name[0] ? name : "no program");
}

int qemu_peer_open(struct qemu_peer *peer, uint32_t pid, struct error *err)
{
	char path[32];

	*peer = (struct qemu_peer){.pid = pid, .directory = -1};
	if (proc_require("a QEMU's memory is found through it", err) < 0)
		return -ENOTSUP;
	peer->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (peer->pidfd < 0)
		return refused(pid, errno, err);
	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	peer->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = peer->directory < 0 ? refused(pid, errno, err) : check_program(peer, err);

	/* The directory was opened by pid: it is this process's only if the process has not ended since. */
	if (qemu_peer_has_ended(peer))
		result = no_process(pid, err);
	if (result < 0)
		qemu_peer_close(peer);
	return result;
}

void qemu_peer_close(struct qemu_peer *peer)
{
	fd_close(peer->directory);
	close(peer->pidfd);
}

bool qemu_peer_has_ended(const struct qemu_peer *peer)
{
	struct pollfd poll_fd = {.fd = peer->pidfd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

static uint64_t ns_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t qemu_peer_start_ns(const struct qemu_peer *peer)
{
	char text[1024];
	uint64_t ticks;
	int fd = openat(peer->directory, "stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	fd_read_text(fd, text, sizeof(text));
	close(fd);
	/* The name may contain anything, but no field after it contains a parenthesis. */
	char *field = strrchr(text, ')');

	for (unsigned i = 0; field && i <= START_TIME_FIELD; i++)
		field = strchr(field + 1, ' ');
	if (!field || sscanf(field, " %" SCNu64, &ticks) != 1)
		return 0;
	uint64_t since_boot = ticks * NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t now = ns_of(CLOCK_BOOTTIME), age = now > since_boot ? now - since_boot : 0;
	uint64_t monotonic = ns_of(CLOCK_MONOTONIC);

	return monotonic > age ? monotonic - age : 0;
}

static bool continues(const struct peer_mapping *a, const struct peer_mapping *b)
{
	return a->inode && a->inode == b->inode && a->device == b->device &&
	       a->is_shared == b->is_shared && a->end == b->start &&
	       a->offset + (a->end - a->start) == b->offset;
}

static int add_mapping(struct peer_mappings *mappings, const struct peer_mapping *mapping)
{
	size_t count = mappings->count;

	if (count && continues(&mappings->list[count - 1], mapping)) {
		mappings->list[count - 1].end = mapping->end;
		return 0;
	}
	if (count == MAPPINGS_MAX)
		return -E2BIG;
	if ((count & (count - 1)) == 0) {
		struct peer_mapping *list =
			realloc(mappings->list, (count ? 2 * count : 1) * sizeof(*list));

		if (!list)
			return -ENOMEM;
		mappings->list = list;
	}
	mappings->list[mappings->count++] = *mapping;
	return 0;
}

/* Parses a line of proc(5)'s maps. Returns false for a line that cannot be guest memory. */
static bool parse_mapping(const char *line, struct peer_mapping *mapping)
{
	unsigned major, minor;
	char access[5];
	uint64_t inode;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64, &mapping->start,
		   &mapping->end, access, &mapping->offset, &major, &minor, &inode) != 7)
		return false;
	mapping->device = makedev(major, minor);
	mapping->inode = inode;
	mapping->is_shared = access[3] == 's';
	return access[0] == 'r' && access[1] == 'w' && mapping->start < mapping->end;
}

int qemu_peer_mappings(const struct qemu_peer *peer, struct peer_mappings *mappings,
		       struct error *err)
{
	struct peer_mapping mapping;
	char *line = NULL;
	size_t size = 0;
	int result = 0;
	int fd = openat(peer->directory, "maps", O_RDONLY | O_CLOEXEC);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	*mappings = (struct peer_mappings){0};
	if (!file) {
		result = errno;
		fd_close(fd);
		return result == ESRCH || result == ENOENT ? no_process(peer->pid, err)
							   : not_permitted(peer->pid, err);
	}
	while (result == 0 && getline(&line, &size, file) > 0)
		if (parse_mapping(line, &mapping))
			result = add_mapping(mappings, &mapping);
	free(line);
	fclose(file);
	if (result == 0)
		return 0;
	free(mappings->list);
	return error_set(err, result, "process %u has too many mappings", peer->pid);
}

const struct peer_mapping *peer_mappings_find(const struct peer_mappings *mappings,
					      uint64_t address)
{
	for (size_t i = 0; i < mappings->count; i++)
		if (address >= mappings->list[i].start && address < mappings->list[i].end)
			return &mappings->list[i];
	return NULL;
}

static bool is_behind(const struct stat *status, const struct peer_mapping *mapping)
{
	return S_ISREG(status->st_mode) && status->st_ino == mapping->inode &&
	       status->st_dev == mapping->device;
}

/* Opens only a regular file: opening any other may have side effects, or block. */
static int open_if_behind(int folder, const char *name, const struct peer_mapping *mapping)
{
	struct stat status;
	int fd;

	if (fstatat(folder, name, &status, 0) < 0 || !is_behind(&status, mapping))
		return -ENOENT;
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && is_behind(&status, mapping))
		return fd;
	close(fd);
	return -ENOENT;
}

/* QEMU keeps the descriptors of its memory's files open. */
static int open_descriptor(const struct qemu_peer *peer, const struct peer_mapping *mapping)
{
	int folder = openat(peer->directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = folder >= 0 ? fdopendir(folder) : NULL;
	int fd = -ENOENT;

	if (!list) {
		fd = -errno;
		fd_close(folder);
		return fd;
	}
	for (struct dirent *entry; fd < 0 && (entry = readdir(list));)
		if (entry->d_name[0] != '.')
			fd = open_if_behind(folder, entry->d_name, mapping);
	closedir(list);
	return fd;
}

int qemu_peer_open_file(const struct qemu_peer *peer, const struct peer_mapping *mapping)
{
	char name[64];
	int fd = open_descriptor(peer, mapping);

	if (fd >= 0)
		return fd;
	/* Root may follow these links as well. */
	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, mapping->start,
		 mapping->end);
	int mapped = open_if_behind(peer->directory, name, mapping);

	return mapped >= 0 ? mapped : fd;
}
