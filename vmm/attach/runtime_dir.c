/* SPDX-License-Identifier: MPL-2.0 */
/* Where running VMs are found: see runtime_dir.h. */
#include "attach/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"

#define SYSTEM_DIR "/run"

/* What the user can do about a directory that cannot be used. */
#define REMEDY "set XDG_RUNTIME_DIR to a directory of your own"

/* Whether a directory is the user's, and can be written. */
static bool is_own_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
	       access(path, W_OK) == 0;
}

/* Whether the variable names the session's directory, as in each session: it may end with slashes. */
static bool is_session(const char *base, const char *session)
{
	size_t length = strlen(session);

	return strncmp(base, session, length) == 0 &&
	       base[length + strspn(base + length, "/")] == '\0';
}

/*
 * The variable is not set after su, in cron, and in containers. In a user namespace nothing of root's is the user's,
 * whatever the user is called there. All can make directories in /tmp.
 */
static unsigned default_paths(const char *session, char paths[RUNTIME_DIRS_MAX][PATH_MAX])
{
	unsigned count = 0;

	if (is_own_directory(session))
		snprintf(paths[count++], PATH_MAX, "%s/pagevisor", session);
	if (is_own_directory(SYSTEM_DIR))
		snprintf(paths[count++], PATH_MAX, SYSTEM_DIR "/pagevisor");
	snprintf(paths[count++], PATH_MAX, "/tmp/pagevisor-%u", geteuid());
	return count;
}

unsigned runtime_dirs_paths(char paths[RUNTIME_DIRS_MAX][PATH_MAX])
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char session[32];

	snprintf(session, sizeof(session), SYSTEM_DIR "/user/%u", geteuid());
	/* The XDG base directory specification says to ignore relative paths. */
	if (!base || base[0] != '/' || is_session(base, session))
		return default_paths(session, paths);
	return snprintf(paths[0], PATH_MAX, "%s/pagevisor", base) < PATH_MAX;
}

/* If others may enter a directory, any socket could have been put into it. */
static int check_owner(int fd, const char *path, bool create, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status))
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (status.st_uid != geteuid() && (create || geteuid() != 0))
		return error_set(err, -EACCES, "%s belongs to another user; " REMEDY, path);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, -EACCES, "others may enter %s; its mode should be 0700",
				 path);
	return 0;
}

static int open_directory(const char *path, bool create, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, "%s: %s; " REMEDY, path, strerror(errno));
	int result = check_owner(fd, path, create, err);

	/* Without it they all look as if they were not there. */
	if (result == 0)
		result = proc_require("the sockets of VMs are reached through it", err);
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

static int too_long(struct error *err)
{
	return error_set(err, -ENAMETOOLONG, "XDG_RUNTIME_DIR is too long");
}

int runtime_dir_create(struct error *err)
{
	char paths[RUNTIME_DIRS_MAX][PATH_MAX];

	if (runtime_dirs_paths(paths) == 0)
		return too_long(err);
	if (mkdir(paths[0], S_IRWXU) && errno != EEXIST)
		return error_set(err, -errno, "cannot make %s: %s; " REMEDY, paths[0],
				 strerror(errno));
	return open_directory(paths[0], true, err);
}

int runtime_dirs_open(struct runtime_dirs *dirs, struct error *err)
{
	char paths[RUNTIME_DIRS_MAX][PATH_MAX];
	unsigned count = runtime_dirs_paths(paths);
	struct error ignored;

	*dirs = (struct runtime_dirs){0};
	if (count == 0)
		return too_long(err);
	for (unsigned i = 0; i < count; i++) {
		int fd = open_directory(paths[i], false, i == 0 ? err : &ignored);

		if (fd < 0 && fd != -ENOENT && i == 0)
			return fd;
		if (fd >= 0)
			dirs->fds[dirs->count++] = fd;
	}
	return dirs->count > 0 ? 0 : -ENOENT;
}

void runtime_dirs_close(struct runtime_dirs *dirs)
{
	while (dirs->count > 0)
		close(dirs->fds[--dirs->count]);
}

int runtime_dirs_find(const struct runtime_dirs *dirs, const struct vm_id *id)
{
	char file[VM_SOCKET_NAME_SIZE];
	struct stat status;

	vm_socket_name(id, file);
	for (unsigned i = 0; i < dirs->count; i++)
		if (fstatat(dirs->fds[i], file, &status, AT_SYMLINK_NOFOLLOW) == 0)
			return dirs->fds[i];
	return dirs->fds[0];
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

/* Adds to a list whose room is doubled when its length is a power of two. Returns 0 or a negative errno. */
static int append(struct vm_id **list, unsigned count, const struct vm_id *id, struct error *err)
{
	if (count == RUNTIME_DIR_VMS_MAX)
		return error_set(err, -E2BIG, "the runtime directory has more than %d VMs",
				 RUNTIME_DIR_VMS_MAX);
	if ((count & (count - 1)) == 0) {
		struct vm_id *more = reallocarray(*list, count ? count * 2 : 1, sizeof(**list));

		if (!more)
			return error_set(err, -ENOMEM, "no memory for a list of VMs");
		*list = more;
	}
	(*list)[count] = *id;
	return 0;
}

/* Adds those in one directory to the list. Returns how many are in it then, or a negative errno. */
static int read_all(DIR *dir, int dir_fd, struct vm_id **list, unsigned count, struct error *err)
{
	const struct dirent *entry;
	struct vm_id id;

	while ((entry = readdir(dir))) {
		if (!vm_socket_name_parse(entry->d_name, &id) ||
		    !is_socket_of_user(dir_fd, entry->d_name))
			continue;
		int result = append(list, count, &id, err);

		if (result < 0)
			return result;
		count++;
	}
	return (int)count;
}

static int read_directory(int dir_fd, struct vm_id **list, unsigned count, struct error *err)
{
	/* Uses a separate open file description, because reading moves the position. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir) {
		int result = error_set(err, -errno, "cannot read the runtime directory: %s",
				       strerror(errno));

		fd_close(fd);
		return result;
	}
	int result = read_all(dir, dir_fd, list, count, err);

	closedir(dir);
	return result;
}

/* A dead socket may have the name of a living one in another directory, until it is removed. Returns how many remain. */
static int remove_doubles(struct vm_id *list, int count)
{
	int kept = 0;

	for (int i = 0; i < count; i++)
		if (kept == 0 || compare_ids(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

int runtime_dirs_list(const struct runtime_dirs *dirs, struct vm_id **list, struct error *err)
{
	int count = 0;

	*list = NULL;
	for (unsigned i = 0; count >= 0 && i < dirs->count; i++)
		count = read_directory(dirs->fds[i], list, (unsigned)count, err);
	if (count < 0) {
		free(*list);
		*list = NULL;
		return count;
	}
	if (count > 1)
		qsort(*list, (size_t)count, sizeof(**list), compare_ids);
	return remove_doubles(*list, count);
}

void runtime_dir_socket_path(int dir_fd, const char *file, char *path)
{
	snprintf(path, SOCKET_PATH_SIZE, "/proc/self/fd/%d/%s", dir_fd, file);
}

int runtime_dir_connect(int dir_fd, const char *file, int fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	runtime_dir_socket_path(dir_fd, file, address.sun_path);
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

/* Returns 0 or a negative errno, as runtime_dir_connect. */
static int probe(int dir_fd, const char *file)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result = fd >= 0 ? runtime_dir_connect(dir_fd, file, fd) : -errno;

	fd_close(fd);
	return result;
}

bool runtime_dir_has_listener(int dir_fd, const char *file)
{
	int result = probe(dir_fd, file);

	if (result == -ECONNREFUSED)
		runtime_dir_remove_dead(dir_fd, file);
	return result != -ECONNREFUSED && result != -ENOENT;
}

/*
 * No system call removes a name only if it still denotes a certain file. So the file is moved aside, under a name that
 * no VM and no other call has, and asked again before it is removed. A thread's number alone would be another's in a second
 * PID namespace, or that of a process that died here and left its file.
 */
void runtime_dir_remove_dead(int dir_fd, const char *file)
{
	char aside[48];

	snprintf(aside, sizeof(aside), ".%d.%" PRIx64 ".dead", gettid(), clock_now_ns());
	if (renameat2(dir_fd, file, dir_fd, aside, RENAME_NOREPLACE))
		return;
	/* Where there is a listener of that name again already, this one has lost the name. */
	if (probe(dir_fd, aside) == -ECONNREFUSED ||
	    (renameat2(dir_fd, aside, dir_fd, file, RENAME_NOREPLACE) && errno == EEXIST))
		unlinkat(dir_fd, aside, 0);
}
