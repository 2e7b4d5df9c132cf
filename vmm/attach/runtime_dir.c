/* SPDX-License-Identifier: MPL-2.0 */
/* Where running VMs are found: see runtime_dir.h. */
#include "attach/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SYSTEM_DIR "/run"

static int runtime_dir_path(char *path, size_t size, struct error *err)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	/* The XDG base directory specification says to ignore relative paths. */
	if (!base || base[0] != '/')
		base = SYSTEM_DIR;
	if ((size_t)snprintf(path, size, "%s/pagevisor", base) >= size)
		return error_set(err, -ENAMETOOLONG, "XDG_RUNTIME_DIR is too long");
	return 0;
}

/* If others may enter a directory, any socket could have been put into it. */
static int check_owner(int fd, const char *path, bool create, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status))
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (status.st_uid != geteuid() && (create || geteuid() != 0))
		return error_set(err, -EACCES, "%s belongs to another user", path);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, -EACCES, "others may enter %s; its mode should be 0700",
				 path);
	return 0;
}

int runtime_dir_open(bool create, struct error *err)
{
	char path[PATH_MAX];
	int result = runtime_dir_path(path, sizeof(path), err);

	if (result < 0)
		return result;
	if (create && mkdir(path, S_IRWXU) && errno != EEXIST)
		return error_set(err, -errno, "cannot make %s: %s", path, strerror(errno));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	result = check_owner(fd, path, create, err);
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

static int compare_ids(const void *left, const void *right)
{
	const struct vm_id *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

static bool is_socket_of_user(int dir_fd, const char *file)
{
	struct stat status;

	return fstatat(dir_fd, file, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISSOCK(status.st_mode) && (status.st_uid == geteuid() || geteuid() == 0);
}

int runtime_dir_list(int dir_fd, struct vm_id *list, struct error *err)
{
	const struct dirent *entry;
	int count = 0;
	/* Uses a separate open file description, because reading moves the position. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir) {
		int result = error_set(err, -errno, "cannot read the runtime directory: %s",
				       strerror(errno));

		fd_close(fd);
		return result;
	}
	while (count < RUNTIME_DIR_VMS_MAX && (entry = readdir(dir)))
		if (vm_socket_name_parse(entry->d_name, &list[count]) &&
		    is_socket_of_user(dir_fd, entry->d_name))
			count++;
	closedir(dir);
	qsort(list, (size_t)count, sizeof(list[0]), compare_ids);
	return count;
}

void runtime_dir_socket_path(int dir_fd, const char *file, char *path)
{
	snprintf(path, SOCKET_PATH_SIZE, "/proc/self/fd/%d/%s", dir_fd, file);
}
