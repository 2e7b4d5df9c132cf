/* SPDX-License-Identifier: MPL-2.0 */
/* The QEMU process of a domain: see domain_process.h. */
#include "source/libvirt/domain_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define UUID_OPTION "-uuid"

/* libvirt's command lines have some kilobytes; anything beyond this is ignored. */
#define COMMAND_LINE_MAX (64 << 10)

/* Reads the arguments of a process, each with its NUL. Returns the number of bytes. */
static size_t read_command_line(int proc_fd, const char *pid, char *buffer)
{
	char path[64] = "";

	if (strlen(pid) > 16)
		return 0;
	strcat(strcat(path, pid), "/cmdline");
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	size_t length = fd_read_text(fd, buffer, COMMAND_LINE_MAX);

	close(fd);
	return length;
}

static bool has_uuid(const char *arguments, size_t length, const char *uuid)
{
	const char *end = arguments + length;
	bool is_next = false;

	for (const char *argument = arguments; argument < end; argument += strlen(argument) + 1) {
		if (is_next && strcmp(argument, uuid) == 0)
			return true;
		is_next = strcmp(argument, UUID_OPTION) == 0;
	}
	return false;
}

/* Whether a name is a process's. The other threads of a thread group are in no listing. */
static bool is_pid(const char *name)
{
	return name[0] != '0' && name[0] != '\0' && strspn(name, "0123456789") == strlen(name);
}

static uint32_t find_in(DIR *proc, const char *uuid, char *buffer)
{
	const struct dirent *entry;
	uint32_t found = 0;

	while ((entry = readdir(proc)) != NULL) {
		if (!is_pid(entry->d_name) ||
		    !has_uuid(buffer, read_command_line(dirfd(proc), entry->d_name, buffer), uuid))
			continue;
		if (found)
			return 0;
		found = (uint32_t)strtoul(entry->d_name, NULL, 10);
	}
	return found;
}

uint32_t domain_process_find(const char *proc_dir, const char *uuid)
{
	char *buffer = malloc(COMMAND_LINE_MAX);
	DIR *proc = buffer ? opendir(proc_dir) : NULL;
	uint32_t pid = proc ? find_in(proc, uuid, buffer) : 0;

	if (proc)
		closedir(proc);
	free(buffer);
	return pid;
}
