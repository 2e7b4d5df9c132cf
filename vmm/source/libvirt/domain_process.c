/* SPDX-License-Identifier: MPL-2.0 */
/* The QEMU process of a domain: see domain_process.h. */
#include "source/libvirt/domain_process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "source/qemu/process_arguments.h"

static bool has_uuid(const char *arguments, size_t length, const char *uuid)
{
	const char *value = process_arguments_value(arguments, length, "-uuid");

	return value && strcmp(value, uuid) == 0;
}

static uint32_t find_in(DIR *proc, const char *uuid, char *buffer)
{
	const struct dirent *entry;
	uint32_t found = 0;

	while ((entry = readdir(proc)) != NULL) {
		if (!process_is_pid(entry->d_name) ||
		    !has_uuid(buffer, process_arguments_read(dirfd(proc), entry->d_name, buffer),
			      uuid))
			continue;
		if (found)
			return 0;
		found = (uint32_t)strtoul(entry->d_name, NULL, 10);
	}
	return found;
}

uint32_t domain_process_find(const char *proc_dir, const char *uuid)
{
	char *buffer = malloc(PROCESS_ARGUMENTS_SIZE);
	DIR *proc = buffer ? opendir(proc_dir) : NULL;
	uint32_t pid = proc ? find_in(proc, uuid, buffer) : 0;

	if (proc)
		closedir(proc);
	free(buffer);
	return pid;
}
