/* SPDX-License-Identifier: MPL-2.0 */
/* A file that appears whole or not at all: see new_file.h. */
#include "base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* "/proc/self/fd/2147483647" */
#define LINK_SIZE 32

/* Names that are tried for a file that replaces another; others have the same chance of one in 2^64. */
#define NAMES_TRIED 16

/* The directory of a path, to be freed. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
}

static void name_of_descriptor(int fd, char text[LINK_SIZE])
{
	snprintf(text, LINK_SIZE, "/proc/self/fd/%d", fd);
}

/* Returns a descriptor, or a negative errno where there are no such files, or none that could get a name later. */
static int create_nameless(const char *path)
{
	char link[LINK_SIZE];
	char *directory = directory_of(path);
	struct stat status;

	if (!directory)
		return -ENOMEM;
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
	int result = fd < 0 ? -errno : fd;

	free(directory);
	if (fd < 0)
		return result;
	name_of_descriptor(fd, link);
	if (stat(link, &status) == 0)
		return fd;
	close(fd);
	return -ENOTSUP;
}

static int create_beside(const char *path, char **temporary)
{
	if (asprintf(temporary, "%s.XXXXXX", path) < 0) {
		*temporary = NULL;
		return -ENOMEM;
	}
	int fd = mkostemp(*temporary, O_CLOEXEC);

	if (fd >= 0)
		return fd;
	int result = -errno;

	free(*temporary);
	*temporary = NULL;
	return result;
}

int new_file_create(struct new_file *file, const char *path)
{
	mode_t mode = S_IRUSR | S_IWUSR;
	struct stat old;
	bool is_there = lstat(path, &old) == 0;

	if (is_there && !S_ISREG(old.st_mode))
		return -EINVAL;
	*file = (struct new_file){.path = path};
	file->fd = create_nameless(path);
	if (file->fd < 0)
		file->fd = create_beside(path, &file->temporary);
	if (file->fd < 0)
		return file->fd;
	/* The umask takes bits away, too. */
	if (fchmod(file->fd, is_there ? mode & old.st_mode : mode) == 0)
		return 0;
	int result = -errno;

	new_file_abandon(file);
	return result;
}

static int link_as(const struct new_file *file, const char *path)
{
	char link[LINK_SIZE];

	name_of_descriptor(file->fd, link);
	return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

/* Gives a nameless file a name beside its place: only a rename replaces a file. */
static int name_beside(struct new_file *file)
{
	int result = -EEXIST;

	for (unsigned i = 0; i < NAMES_TRIED && result == -EEXIST; i++) {
		uint64_t number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -EIO;
		free(file->temporary);
		if (asprintf(&file->temporary, "%s.%016" PRIx64, file->path, number) < 0) {
			file->temporary = NULL;
			return -ENOMEM;
		}
		result = link_as(file, file->temporary);
	}
	if (result < 0) {
		free(file->temporary);
		file->temporary = NULL;
	}
	return result;
}

static int put_in_place(struct new_file *file, bool replaces)
{
	if (!file->temporary) {
		int result = link_as(file, file->path);

		if (result == -EEXIST && replaces)
			result = name_beside(file);
		if (result < 0 || !file->temporary)
			return result;
	}
	if (replaces)
		return rename(file->temporary, file->path) == 0 ? 0 : -errno;
	/* Not all file systems can refuse to replace in the same step. */
	if (renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (access(file->path, F_OK) == 0)
		return -EEXIST;
	return rename(file->temporary, file->path) == 0 ? 0 : -errno;
}

/* Some file systems cannot sync a directory; the file itself is safe. */
static void sync_directory(const char *path)
{
	char *directory = directory_of(path);
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(directory);
}

int new_file_finish(struct new_file *file, bool replaces)
{
	int result = fsync(file->fd) == 0 ? 0 : -errno;

	if (result == 0)
		result = put_in_place(file, replaces);
	if (result < 0) {
		new_file_abandon(file);
		return result;
	}
	close(file->fd);
	free(file->temporary);
	sync_directory(file->path);
	return 0;
}

void new_file_abandon(struct new_file *file)
{
	close(file->fd);
	if (file->temporary)
		unlink(file->temporary);
	free(file->temporary);
}
