/* SPDX-License-Identifier: MPL-2.0 */
/* Loads modules: see modules.h. */
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY   "/modules/"
#define MODULES_MAX 64

static bool load_module(const char *name)
{
	char path[sizeof(DIRECTORY) + sizeof(((struct dirent *)0)->d_name)];

	snprintf(path, sizeof(path), DIRECTORY "%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_loaded = fd >= 0 && (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST);

	if (fd >= 0)
		close(fd);
	return is_loaded;
}

/* Modules depend on each other: retries those that failed until no more can be loaded. */
void load_modules(const char *who)
{
	struct dirent **names;
	int count = scandir(DIRECTORY, &names, NULL, alphasort);
	bool is_loaded[MODULES_MAX] = {false}, has_progress = true;

	if (count > MODULES_MAX) {
		printf("%s: more than %d modules\n", who, MODULES_MAX);
		count = MODULES_MAX;
	}
	while (has_progress) {
		has_progress = false;
		for (int i = 0; i < count; i++)
			if (!is_loaded[i] && names[i]->d_name[0] != '.' &&
			    load_module(names[i]->d_name))
				is_loaded[i] = has_progress = true;
	}
	for (int i = 0; i < count; i++)
		if (!is_loaded[i] && names[i]->d_name[0] != '.')
			printf("%s: %s cannot be loaded\n", who, names[i]->d_name);
}
