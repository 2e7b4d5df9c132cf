/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where running VMs are found: one directory for each user with a socket for each VM. It is
 * $XDG_RUNTIME_DIR/pagevisor, or /run/pagevisor where that variable is not set; nobody else may enter it.
 */
#ifndef VMM_ATTACH_RUNTIME_DIR_H
#define VMM_ATTACH_RUNTIME_DIR_H

#include <stdbool.h>

#include "attach/vm_name.h"
#include "base/error.h"

/*
 * Opens the directory; with `create` it is made when it is missing. Returns a descriptor (O_PATH-like uses only) or
 * a negative errno: -ENOENT there is none, -EACCES it is not the user's own or others may enter it.
 */
int runtime_dir_open(bool create, struct error *err);

#define RUNTIME_DIR_VMS_MAX 256

/*
 * The VMs whose sockets lie in the directory and are the user's (root: anybody's), sorted by name and process; some of
 * them may be dead. Returns how many, at most RUNTIME_DIR_VMS_MAX, or a negative errno.
 */
int runtime_dir_list(int dir_fd, struct vm_id *list, struct error *err);

/*
 * A path for bind() or connect(): through the descriptor, for that of the directory may be longer than a socket's
 * address. `path` has SOCKET_PATH_SIZE bytes.
 */
#define SOCKET_PATH_SIZE 108
void runtime_dir_socket_path(int dir_fd, const char *file, char *path);

#endif
