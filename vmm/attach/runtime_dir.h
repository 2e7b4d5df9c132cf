/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where running VMs are found: directories of the user, which no other user may enter, with a socket for each VM. If
 * XDG_RUNTIME_DIR is set, that is pagevisor in there; else pagevisor in /run/user/UID and in /run, where these are the user's,
 * and /tmp/pagevisor-UID. /run/user/UID comes and goes with the user's sessions, and a VM may have started before it came: so
 * all of the latter count, also when the variable names /run/user/UID. A new VM is in the first.
 */
#ifndef VMM_ATTACH_RUNTIME_DIR_H
#define VMM_ATTACH_RUNTIME_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "attach/vm_name.h"
#include "base/error.h"

/*
 * Makes the first directory if it is missing, and opens it. Returns a descriptor (for O_PATH-like use only) or a negative
 * errno: -EACCES it belongs to another user or others may enter it, -ENOTSUP there is no /proc.
 */
int runtime_dir_create(struct error *err);

#define RUNTIME_DIRS_MAX 3

struct runtime_dirs {
	unsigned count;
	int fds[RUNTIME_DIRS_MAX]; /* as above */
};

/*
 * Opens those that exist. Returns 0; or a negative errno: -ENOENT none exists, or why the first cannot be used. One of the
 * others that cannot is left out: anybody may have made it. After 0 call runtime_dirs_close.
 */
int runtime_dirs_open(struct runtime_dirs *dirs, struct error *err);
void runtime_dirs_close(struct runtime_dirs *dirs);

/* The one in which a VM's socket lies: the first if none has it. */
int runtime_dirs_find(const struct runtime_dirs *dirs, const struct vm_id *id);

/* Writes the paths of all that may exist. Returns their number; 0: one is too long. */
unsigned runtime_dirs_paths(char paths[RUNTIME_DIRS_MAX][PATH_MAX]);

/* More sockets in the directories are refused. */
#define RUNTIME_DIR_VMS_MAX 65536

/*
 * Lists the VMs whose sockets lie in the directories and belong to the user (for root: to anybody), sorted by name and
 * pid. Some of them may be dead. Returns their number, and in *list an array for free(); or a negative errno: -E2BIG
 * there are more than RUNTIME_DIR_VMS_MAX.
 */
int runtime_dirs_list(const struct runtime_dirs *dirs, struct vm_id **list, struct error *err);

/*
 * Writes a path for bind() or connect(). The path goes through the descriptor, because the path of the directory may be
 * too long for a socket address. `path` has SOCKET_PATH_SIZE bytes.
 */
#define SOCKET_PATH_SIZE 108
void runtime_dir_socket_path(int dir_fd, const char *file, char *path);

/*
 * Connects a non-blocking socket to a file of the directory. Returns 0 or a negative errno: -ECONNREFUSED nobody listens
 * there, -EAGAIN the listener's backlog is full, -ENOENT no such file.
 */
int runtime_dir_connect(int dir_fd, const char *file, int fd);

/* Whether somebody listens there, without waiting for an answer. Removes a dead socket. */
bool runtime_dir_has_listener(int dir_fd, const char *file);

/*
 * Removes a socket whose listener has died: one that refused a connection. A listener that has taken the name since
 * keeps it. Any number of processes may do so at a time.
 */
void runtime_dir_remove_dead(int dir_fd, const char *file);

#endif
