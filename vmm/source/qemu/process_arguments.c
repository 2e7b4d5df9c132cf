/* SPDX-License-Identifier: MPL-2.0 */
/* The command lines of processes: see process_arguments.h. */
#include "source/qemu/process_arguments.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

bool process_is_pid(const char *name)
{
	return name[0] != '0' && name[0] != '\0' && strspn(name, "0123456789") == strlen(name);
}

size_t process_arguments_read(int proc_fd, const char *pid, char *buffer)
{
	char path[64];

	buffer[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/cmdline", pid) >= (int)sizeof(path))
		return 0;
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	size_t length = fd_read_text(fd, buffer, PROCESS_ARGUMENTS_SIZE);

	close(fd);
	return length;
}

static bool is_option(const char *argument, const char *option)
{
	return strcmp(argument, option) == 0 ||
	       (argument[0] == '-' && strcmp(argument + 1, option) == 0);
}

const char *process_arguments_value(const char *arguments, size_t length, const char *option)
{
	const char *end = arguments + length, *value = NULL;
	bool is_next = false;

	for (const char *argument = arguments; argument < end; argument += strlen(argument) + 1) {
		if (is_next)
			value = argument;
		is_next = is_option(argument, option);
	}
	return value;
}
