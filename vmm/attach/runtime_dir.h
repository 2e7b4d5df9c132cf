/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where running VMs are found: each user has one directory, with a socket for each VM. It is
 * $XDG_RUNTIME_DIR/pagevisor, or /run/pagevisor if that variable is not set. No other user may enter it.
 */
#ifndef VMM_ATTACH_RUNTIME_DIR_H
#define VMM_ATTACH_RUNTIME_DIR_H

#include <stdbool.h>

#include "attach/vm_name.h"
#include "base/error.h"

/*
 * Opens the directory; with `create`, makes it if it is missing. Returns a descriptor (for O_PATH-like use only) or a
 * negative errno: -ENOENT it does not exist, -EACCES it belongs to another user or others may enter it.
 */
int runtime_dir_open(bool create, struct error *err);

#define RUNTIME_DIR_VMS_MAX 256

/*
 * Lists the VMs whose sockets lie in the directory and belong to the user (for root: to anybody), sorted by name and
 * pid. Some of them may be dead. Returns their number, at most RUNTIME_DIR_VMS_MAX, or a negative errno.
 */
int runtime_dir_list(int dir_fd, struct vm_id *list, struct error *err);

/*
 * Writes a path for bind() or connect(). The path goes through the descriptor, because the path of the directory may be
 * too long for a socket address. `path` has SOCKET_PATH_SIZE bytes.
 */
#define SOCKET_PATH_SIZE 108
void runtime_dir_socket_path(int dir_fd, const char *file, char *path);

#endif
